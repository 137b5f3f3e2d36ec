package main

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

type addHostParams struct {
	Name       string    `json:"name"`
	Cluster    *Selector `json:"cluster"`
	Datacenter *Selector `json:"datacenter"`
	Folder     *Selector `json:"folder"`
	// Datastores and Switch are joined; all of the datacenter's first host's datastores unless said otherwise.
	Switch *Selector `json:"switch"`
}

// opAddHost adds a host to a cluster, or a standalone one when no cluster is said.
func opAddHost(w *World, ctx *simulator.Context, p addHostParams) error {
	if p.Name == "" {
		return fmt.Errorf("\"name\" is missing")
	}
	spec := types.HostConnectSpec{HostName: p.Name}
	var host *simulator.HostSystem
	if p.Cluster != nil {
		cluster, err := w.one("ClusterComputeResource", p.Cluster)
		if err != nil {
			return err
		}
		result, err := w.call(ctx, cluster, "AddHost_Task", &types.AddHost_Task{This: cluster.Reference(), Spec: spec, AsConnected: true})
		if err != nil {
			return err
		}
		host = w.registry.Get(result.(types.ManagedObjectReference)).(*simulator.HostSystem)
	} else {
		folder, err := w.folderIn(p.Folder, p.Datacenter, "Host")
		if err != nil {
			return err
		}
		result, err := w.call(ctx, folder, "AddStandaloneHost_Task", &types.AddStandaloneHost_Task{
			This: folder.Reference(), Spec: spec, AddConnected: true,
		})
		if err != nil {
			return err
		}
		ref := result.(types.ManagedObjectReference)
		if ref.Type != "HostSystem" {
			ref = managed(w.registry.Get(ref)).FieldByName("Host").Interface().([]types.ManagedObjectReference)[0]
		}
		host = w.registry.Get(ref).(*simulator.HostSystem)
	}
	if err := w.settleHost(host); err != nil {
		return err
	}
	dc := w.datacenterOf(host)
	for _, ref := range w.childrenBelow(dc.DatastoreFolder, "Datastore") {
		if err := w.mountDatastore(ctx, dc, nameOf(w.registry.Get(ref)), []*simulator.HostSystem{host}); err != nil {
			return err
		}
	}
	switches := w.childrenBelow(dc.NetworkFolder, "DistributedVirtualSwitch")
	if p.Switch != nil {
		dvs, err := w.one("DistributedVirtualSwitch", p.Switch)
		if err != nil {
			return err
		}
		switches = []types.ManagedObjectReference{dvs.Reference()}
	}
	for _, ref := range switches {
		if err := w.joinSwitch(ctx, w.registry.Get(ref), host); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) joinSwitch(ctx *simulator.Context, dvs mo.Reference, host *simulator.HostSystem) error {
	_, err := w.call(ctx, dvs, "ReconfigureDvs_Task", &types.ReconfigureDvs_Task{
		This: dvs.Reference(),
		Spec: &types.DVSConfigSpec{Host: []types.DistributedVirtualSwitchHostMemberConfigSpec{{
			Operation: string(types.ConfigSpecOperationAdd), Host: host.Self,
		}}},
	})
	return err
}

type hostParams struct {
	Host *Selector `json:"host"`
}

// opRemoveHost takes hosts out of the inventory, with the VMs that are on them.
func opRemoveHost(w *World, ctx *simulator.Context, p hostParams) error {
	return w.eachHost(p.Host, func(host *simulator.HostSystem) error {
		for _, ref := range append([]types.ManagedObjectReference(nil), host.Vm...) {
			if err := opDestroy(w, ctx, targetParams{&Selector{Ref: ref.Value}}); err != nil {
				return err
			}
		}
		parent := w.registry.Get(*host.Parent)
		if _, err := w.call(ctx, host, "Destroy_Task", &types.Destroy_Task{This: host.Self}); err != nil {
			return err
		}
		// The simulator leaves the host in these lists.
		drop := func(list *[]types.ManagedObjectReference) { simulator.RemoveReference(list, host.Self) }
		switch above := parent.(type) {
		case *simulator.ClusterComputeResource:
			drop(&above.Host)
		case *mo.ComputeResource:
			if folder, ok := w.registry.Get(*above.Parent).(*simulator.Folder); ok {
				simulator.RemoveReference(&folder.ChildEntity, above.Self)
			}
			w.registry.Remove(ctx, above.Self)
		}
		for _, kind := range []string{"DistributedVirtualSwitch", "Network", "Datastore"} {
			objs, _ := w.all(kind, nil)
			for _, obj := range objs {
				switch x := obj.(type) {
				case *simulator.DistributedVirtualSwitch:
					drop(&x.Summary.HostMember)
				case *simulator.DistributedVirtualPortgroup:
					drop(&x.Host)
				case *mo.Network:
					drop(&x.Host)
				case *simulator.Datastore:
					kept := x.Host[:0:0]
					for _, mount := range x.Host {
						if mount.Key != host.Self {
							kept = append(kept, mount)
						}
					}
					x.Host = kept
				}
			}
		}
		return nil
	})
}

func (w *World) eachHost(s *Selector, f func(host *simulator.HostSystem) error) error {
	if s == nil {
		return fmt.Errorf("\"host\" is missing")
	}
	hosts, err := w.some("HostSystem", s)
	if err != nil {
		return err
	}
	for _, host := range hosts {
		if err := f(host.(*simulator.HostSystem)); err != nil {
			return fmt.Errorf("%s: %w", nameOf(host), err)
		}
	}
	return nil
}

// configure changes a host's configuration and tells those who wait for it.
func (w *World) configure(ctx *simulator.Context, host *simulator.HostSystem, path string, change func(config *types.HostConfigInfo) error) error {
	var err error
	w.registry.WithLock(ctx, host, func() {
		if err = change(host.Config); err == nil {
			w.mirrorHost(host)
		}
	})
	if err == nil {
		w.changed(ctx, host, path)
	}
	return err
}

type hostOptionsParams struct {
	Host    *Selector      `json:"host"`
	Options map[string]any `json:"options"`
}

func opHostOptions(w *World, ctx *simulator.Context, p hostOptionsParams) error {
	if len(p.Options) == 0 {
		return errNothing
	}
	return w.eachHost(p.Host, func(host *simulator.HostSystem) error {
		return w.configure(ctx, host, "config.option", func(config *types.HostConfigInfo) (err error) {
			list, err := w.withOptions(config.Option, p.Options, func(i int64) any { return i })
			if err == nil {
				config.Option = list
			}
			return err
		})
	})
}

type serviceParams struct {
	Host    *Selector `json:"host"`
	Key     string    `json:"key"`
	Running *bool     `json:"running"`
	Policy  string    `json:"policy"`
	Label   string    `json:"label"`
}

// opHostService adds or changes a service: TSM-SSH, TSM, ntpd, sfcbd-watchdog, slpd, …
func opHostService(w *World, ctx *simulator.Context, p serviceParams) error {
	if p.Key == "" {
		return fmt.Errorf("\"key\" is missing")
	}
	return w.eachHost(p.Host, func(host *simulator.HostSystem) error {
		return w.configure(ctx, host, "config.service", func(config *types.HostConfigInfo) error {
			info := types.HostServiceInfo{}
			if config.Service != nil {
				info.Service = append(info.Service, config.Service.Service...)
			}
			at := -1
			for i := range info.Service {
				if info.Service[i].Key == p.Key {
					at = i
				}
			}
			if at < 0 {
				at = len(info.Service)
				info.Service = append(info.Service, types.HostService{
					Key: p.Key, Label: p.Key, Policy: string(types.HostServicePolicyOff), Uninstallable: false,
				})
			}
			service := &info.Service[at]
			if p.Running != nil {
				service.Running = *p.Running
			}
			if p.Policy != "" {
				service.Policy = p.Policy
			}
			if p.Label != "" {
				service.Label = p.Label
			}
			config.Service = &info
			return nil
		})
	})
}

type ntpParams struct {
	Host     *Selector `json:"host"`
	Servers  []string  `json:"servers"`
	Enabled  *bool     `json:"enabled"`
	Protocol string    `json:"protocol"`
}

func opHostNTP(w *World, ctx *simulator.Context, p ntpParams) error {
	return w.eachHost(p.Host, func(host *simulator.HostSystem) error {
		return w.configure(ctx, host, "config.dateTimeInfo", func(config *types.HostConfigInfo) error {
			info := types.HostDateTimeInfo{TimeZone: types.HostDateTimeSystemTimeZone{Key: "UTC", Name: "UTC", Description: "UTC"}}
			if config.DateTimeInfo != nil {
				info = *config.DateTimeInfo
			}
			info.NtpConfig = &types.HostNtpConfig{Server: p.Servers}
			info.Enabled = p.Enabled
			if p.Protocol != "" {
				info.SystemClockProtocol = p.Protocol
			} else {
				info.SystemClockProtocol = "ntp"
			}
			config.DateTimeInfo = &info
			return nil
		})
	})
}

type lockdownParams struct {
	Host       *Selector `json:"host"`
	Mode       string    `json:"mode"`
	Exceptions []string  `json:"exceptions"`
}

// opHostLockdown takes disabled, normal or strict, or the vim words.
func opHostLockdown(w *World, ctx *simulator.Context, p lockdownParams) error {
	mode, ok := map[string]types.HostLockdownMode{
		"disabled": types.HostLockdownModeLockdownDisabled, "lockdownDisabled": types.HostLockdownModeLockdownDisabled,
		"normal": types.HostLockdownModeLockdownNormal, "lockdownNormal": types.HostLockdownModeLockdownNormal,
		"strict": types.HostLockdownModeLockdownStrict, "lockdownStrict": types.HostLockdownModeLockdownStrict,
	}[p.Mode]
	if !ok {
		return fmt.Errorf("no lockdown mode is called %q", p.Mode)
	}
	return w.eachHost(p.Host, func(host *simulator.HostSystem) error {
		w.registry.Get(*host.ConfigManager.HostAccessManager).(*HostAccessManager).exceptions = p.Exceptions
		return w.configure(ctx, host, "config.lockdownMode", func(config *types.HostConfigInfo) error {
			config.LockdownMode = mode
			disabled := mode != types.HostLockdownModeLockdownDisabled
			config.AdminDisabled = &disabled
			return nil
		})
	})
}

type firewallParams struct {
	Host            *Selector `json:"host"`
	IncomingBlocked *bool     `json:"incoming_blocked"`
	OutgoingBlocked *bool     `json:"outgoing_blocked"`
	// Rulesets turns rule sets on or off and says who may connect: an empty list means everybody.
	Rulesets map[string]struct {
		Enabled  *bool     `json:"enabled"`
		Networks *[]string `json:"networks"`
		IPs      *[]string `json:"ips"`
	} `json:"rulesets"`
}

func opHostFirewall(w *World, ctx *simulator.Context, p firewallParams) error {
	return w.eachHost(p.Host, func(host *simulator.HostSystem) error {
		return w.configure(ctx, host, "config.firewall", func(config *types.HostConfigInfo) error {
			yes := true
			info := types.HostFirewallInfo{DefaultPolicy: types.HostFirewallDefaultPolicy{IncomingBlocked: &yes, OutgoingBlocked: &yes}}
			if config.Firewall != nil {
				info = *config.Firewall
				info.Ruleset = append([]types.HostFirewallRuleset(nil), info.Ruleset...)
			}
			if p.IncomingBlocked != nil {
				info.DefaultPolicy.IncomingBlocked = p.IncomingBlocked
			}
			if p.OutgoingBlocked != nil {
				info.DefaultPolicy.OutgoingBlocked = p.OutgoingBlocked
			}
			for _, key := range sortedKeys(p.Rulesets) {
				want := p.Rulesets[key]
				at := -1
				for i := range info.Ruleset {
					if info.Ruleset[i].Key == key {
						at = i
					}
				}
				if at < 0 {
					at = len(info.Ruleset)
					info.Ruleset = append(info.Ruleset, types.HostFirewallRuleset{
						Key: key, Label: key, AllowedHosts: &types.HostFirewallRulesetIpList{AllIp: true},
					})
				}
				ruleset := &info.Ruleset[at]
				if want.Enabled != nil {
					ruleset.Enabled = *want.Enabled
				}
				if want.Networks != nil || want.IPs != nil {
					allowed := &types.HostFirewallRulesetIpList{}
					if want.IPs != nil {
						allowed.IpAddress = *want.IPs
					}
					if want.Networks != nil {
						for _, cidr := range *want.Networks {
							network, err := networkOf(cidr)
							if err != nil {
								return err
							}
							allowed.IpNetwork = append(allowed.IpNetwork, network)
						}
					}
					allowed.AllIp = len(allowed.IpAddress) == 0 && len(allowed.IpNetwork) == 0
					ruleset.AllowedHosts = allowed
				}
			}
			config.Firewall = &info
			return nil
		})
	})
}

func networkOf(cidr string) (types.HostFirewallRulesetIpNetwork, error) {
	var network types.HostFirewallRulesetIpNetwork
	var a, b, c, d, bits int
	if _, err := fmt.Sscanf(cidr, "%d.%d.%d.%d/%d", &a, &b, &c, &d, &bits); err != nil {
		return network, fmt.Errorf("%q is not an IPv4 network", cidr)
	}
	network.Network, network.PrefixLength = fmt.Sprintf("%d.%d.%d.%d", a, b, c, d), int32(bits)
	return network, nil
}

type acceptanceParams struct {
	Host  *Selector `json:"host"`
	Level string    `json:"level"`
}

func opHostAcceptance(w *World, _ *simulator.Context, p acceptanceParams) error {
	return w.eachHost(p.Host, func(host *simulator.HostSystem) error {
		w.registry.Get(*host.ConfigManager.ImageConfigManager).(*HostImageConfigManager).acceptance = p.Level
		return nil
	})
}
