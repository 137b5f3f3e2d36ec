package main

import (
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

var serviceInstance = vim25.ServiceInstance

// clock is how far the vCenter's idea of the time is off.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) set(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().UTC().Add(c.offset)
}

// ServiceInstance has a clock that can be wrong.
type ServiceInstance struct {
	*simulator.ServiceInstance
	world *World
}

func (s *ServiceInstance) CurrentTime(*types.CurrentTime) soap.HasFault {
	return &methods.CurrentTimeBody{Res: &types.CurrentTimeResponse{Returnval: s.world.clock.now()}}
}

// override replaces the parts of the simulator that answer too simply.
func (w *World) override(instanceUUID string) {
	theWorld = w
	instance := w.registry.Get(serviceInstance).(*simulator.ServiceInstance)
	// Each simulator has the same built-in instanceUuid: the one it makes up is set on a copy and lost.
	about := &instance.Content.About
	about.InstanceUuid = instanceUUID
	// The simulator says it is 6.5; clients then hide calls that came later.
	about.Version, about.ApiVersion, about.Build = "8.0.3", "8.0.3.0", "24022515"
	about.FullName = "VMware vCenter Server 8.0.3 build-24022515"
	about.LicenseProductVersion = "8.0"
	w.registry.Put(&ServiceInstance{instance, w})

	collector := new(PropertyCollector)
	collector.Self = instance.Content.PropertyCollector
	w.registry.Put(collector)

	ref := *instance.Content.AuthorizationManager
	w.registry.Put(&AuthorizationManager{w.registry.Get(ref).(*simulator.AuthorizationManager), w})

	root := instance.Content.RootFolder
	w.access = &access{accounts: map[string]account{}}
	w.access.grant(types.Permission{
		Entity: &root, Principal: `VSPHERE.LOCAL\Administrators`, Group: true, RoleId: roleAdmin, Propagate: true,
	})
	w.access.grant(types.Permission{
		Entity: &root, Principal: `VSPHERE.LOCAL\Administrator`, RoleId: roleAdmin, Propagate: true,
	})
	w.showPermissions(w.actor("vcsim"), root)

	ref = *instance.Content.UserDirectory
	w.registry.Put(&UserDirectory{
		UserDirectory: w.registry.Get(ref).(*simulator.UserDirectory),
		world:         w,
		groups:        map[string][]member{"administrators@vsphere.local": {{name: `VSPHERE.LOCAL\Administrator`}}},
	})
	w.registry.Handler = w.guard
}

// HostDateTimeSystem, HostAccessManager, HostServiceSystem and HostImageConfigManager are missing from the
// simulator. They answer from the host's own configuration, so a scenario sets both with one value.

type HostDateTimeSystem struct {
	mo.HostDateTimeSystem
	host  *simulator.HostSystem
	world *World
	// Skew is how far the host's clock is off.
	skew time.Duration
}

func (s *HostDateTimeSystem) QueryDateTime(*types.QueryDateTime) soap.HasFault {
	return &methods.QueryDateTimeBody{Res: &types.QueryDateTimeResponse{Returnval: s.world.clock.now().Add(s.skew)}}
}

func (s *HostDateTimeSystem) TestTimeService(*types.TestTimeService) soap.HasFault {
	working := s.host.Config.DateTimeInfo != nil && s.host.Config.DateTimeInfo.NtpConfig != nil &&
		len(s.host.Config.DateTimeInfo.NtpConfig.Server) > 0 && s.skew == 0
	return &methods.TestTimeServiceBody{Res: &types.TestTimeServiceResponse{
		Returnval: &types.HostDateTimeSystemServiceTestResult{WorkingNormally: working},
	}}
}

type HostAccessManager struct {
	mo.HostAccessManager
	exceptions []string
}

func (m *HostAccessManager) QueryLockdownExceptions(*types.QueryLockdownExceptions) soap.HasFault {
	return &methods.QueryLockdownExceptionsBody{Res: &types.QueryLockdownExceptionsResponse{Returnval: m.exceptions}}
}

type HostServiceSystem struct {
	mo.HostServiceSystem
}

type HostImageConfigManager struct {
	mo.HostImageConfigManager
	acceptance string
}

func (m *HostImageConfigManager) HostImageConfigGetAcceptance(*types.HostImageConfigGetAcceptance) soap.HasFault {
	return &methods.HostImageConfigGetAcceptanceBody{
		Res: &types.HostImageConfigGetAcceptanceResponse{Returnval: m.acceptance},
	}
}

// settleHost gives a new host its own identity, its missing managers and a current configuration.
func (w *World) settleHost(obj mo.Reference) error {
	host := obj.(*simulator.HostSystem)
	id := w.uuidFor("host", w.pathOf(host))
	hardware, summary := *host.Hardware, *host.Summary.Hardware
	hardware.SystemInfo.Uuid, summary.Uuid = id, id
	host.Hardware, host.Summary.Hardware = &hardware, &summary
	if host.Summary.Config.Product != nil {
		product := *host.Summary.Config.Product
		host.Summary.Config.Product = &product
	}
	if host.Capability != nil {
		capability := *host.Capability
		host.Capability = &capability
	}
	network := host.Config.Network
	for i := range network.Pnic {
		network.Pnic[i].Mac = w.macFor("pnic", id, network.Pnic[i].Device)
	}

	manager := &host.ConfigManager
	name := func(kind string) types.ManagedObjectReference {
		return types.ManagedObjectReference{Type: kind, Value: kind + "-" + host.Self.Value}
	}
	put := func(item mo.Reference) *types.ManagedObjectReference {
		ref := w.registry.Put(item).Reference()
		return &ref
	}
	dates := &HostDateTimeSystem{host: host, world: w}
	dates.Self = name("HostDateTimeSystem")
	manager.DateTimeSystem = put(dates)
	lockdown := &HostAccessManager{}
	lockdown.Self = name("HostAccessManager")
	manager.HostAccessManager = put(lockdown)
	services := &HostServiceSystem{}
	services.Self = name("HostServiceSystem")
	manager.ServiceSystem = put(services)
	image := &HostImageConfigManager{acceptance: "partner"}
	image.Self = name("HostImageConfigManager")
	manager.ImageConfigManager = put(image)
	w.mirrorHost(host)
	return nil
}

// mirrorHost copies a host's configuration to where the simulator keeps it a second time.
func (w *World) mirrorHost(host *simulator.HostSystem) {
	host.Summary.Runtime = &host.Runtime
	if ref := host.ConfigManager.AdvancedOption; ref != nil {
		if options, ok := w.registry.Get(*ref).(*simulator.OptionManager); ok {
			options.Setting = host.Config.Option
		}
	}
	if ref := host.ConfigManager.DateTimeSystem; ref != nil && host.Config.DateTimeInfo != nil {
		if dates, ok := w.registry.Get(*ref).(*HostDateTimeSystem); ok {
			dates.DateTimeInfo = *host.Config.DateTimeInfo
		}
	}
	if ref := host.ConfigManager.HostAccessManager; ref != nil {
		if lockdown, ok := w.registry.Get(*ref).(*HostAccessManager); ok {
			lockdown.LockdownMode = host.Config.LockdownMode
		}
	}
	if ref := host.ConfigManager.ServiceSystem; ref != nil && host.Config.Service != nil {
		if services, ok := w.registry.Get(*ref).(*HostServiceSystem); ok {
			services.ServiceInfo = *host.Config.Service
		}
	}
	if ref := host.ConfigManager.NetworkSystem; ref != nil && host.Config.Network != nil {
		if network, ok := w.registry.Get(*ref).(*simulator.HostNetworkSystem); ok {
			network.NetworkInfo = host.Config.Network
		}
	}
	if host.Hardware != nil && host.Summary.Hardware != nil {
		host.Summary.Hardware.Uuid = host.Hardware.SystemInfo.Uuid
	}
	host.Summary.Config.Name = host.Name
}

func isUplink(pg *simulator.DistributedVirtualPortgroup) bool {
	return pg.Config.Uplink != nil && *pg.Config.Uplink
}

// settleSwitch fills in what a real distributed switch always says: its uplinks, and a security policy.
func (w *World) settleSwitch(obj mo.Reference) {
	dvs := obj.(*simulator.DistributedVirtualSwitch)
	info := dvs.Config.(*types.VMwareDVSConfigInfo)
	if w.made["switch "+dvs.Self.Value] == 0 {
		// The simulator makes the uuid from the name alone, and each datacenter has a DVS0.
		w.made["switch "+dvs.Self.Value] = 1
		id := w.uuidFor("switch", w.pathOf(dvs))
		dvs.Uuid, dvs.Summary.Uuid, info.Uuid = id, id, id
	}
	for _, ref := range dvs.Portgroup {
		pg := w.registry.Get(ref).(*simulator.DistributedVirtualPortgroup)
		if pg.Config.Uplink == nil {
			uplink := pg.Name == dvs.Name+"-DVUplinks"+dvs.Self.Value[len("dvs"):]
			pg.Config.Uplink = &uplink
			if uplink {
				info.UplinkPortgroup = []types.ManagedObjectReference{ref}
			}
		}
		if setting, ok := pg.Config.DefaultPortConfig.(*types.VMwareDVSPortSetting); ok {
			if setting.SecurityPolicy == nil {
				setting.SecurityPolicy = securityPolicy(false, false, false)
			}
		}
	}
	if info.DefaultPortConfig == nil {
		info.DefaultPortConfig = &types.VMwareDVSPortSetting{
			Vlan:           new(types.VmwareDistributedVirtualSwitchVlanIdSpec),
			SecurityPolicy: securityPolicy(false, false, false),
		}
	}
	if info.LinkDiscoveryProtocolConfig == nil {
		info.LinkDiscoveryProtocolConfig = &types.LinkDiscoveryProtocolConfig{Protocol: "cdp", Operation: "listen"}
	}
}

func securityPolicy(promiscuous, macChanges, forged bool) *types.DVSSecurityPolicy {
	policy := func(value bool) *types.BoolPolicy { return &types.BoolPolicy{Value: &value} }
	return &types.DVSSecurityPolicy{
		AllowPromiscuous: policy(promiscuous), MacChanges: policy(macChanges), ForgedTransmits: policy(forged),
	}
}
