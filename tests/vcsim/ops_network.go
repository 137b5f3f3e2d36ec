package main

import (
	"encoding/json"
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// security is what a switch or port group lets its VMs do; what is not said is inherited.
type security struct {
	Promiscuous     *bool `json:"promiscuous"`
	MACChanges      *bool `json:"mac_changes"`
	ForgedTransmits *bool `json:"forged_transmits"`
}

func (s *security) standard() *types.HostNetworkSecurityPolicy {
	if s == nil {
		return nil
	}
	return &types.HostNetworkSecurityPolicy{
		AllowPromiscuous: s.Promiscuous, MacChanges: s.MACChanges, ForgedTransmits: s.ForgedTransmits,
	}
}

func (s *security) distributed() *types.DVSSecurityPolicy {
	out := securityPolicy(false, false, false)
	if s == nil {
		return out
	}
	for _, pair := range []struct {
		to   *types.BoolPolicy
		from *bool
	}{{out.AllowPromiscuous, s.Promiscuous}, {out.MacChanges, s.MACChanges}, {out.ForgedTransmits, s.ForgedTransmits}} {
		if pair.from != nil {
			pair.to.Value = pair.from
		}
	}
	return out
}

type vswitchParams struct {
	Host     *Selector `json:"host"`
	Name     string    `json:"name"`
	PNICs    []string  `json:"pnics"`
	Security *security `json:"security"`
}

// opCreateVSwitch adds a standard switch, or changes the one of that name.
func opCreateVSwitch(w *World, ctx *simulator.Context, p vswitchParams) error {
	return w.eachHost(p.Host, func(host *simulator.HostSystem) error {
		return w.configure(ctx, host, "config.network", func(config *types.HostConfigInfo) error {
			at := -1
			for i := range config.Network.Vswitch {
				if config.Network.Vswitch[i].Name == p.Name {
					at = i
				}
			}
			if at < 0 {
				at = len(config.Network.Vswitch)
				no := false
				config.Network.Vswitch = append(config.Network.Vswitch, types.HostVirtualSwitch{
					Name: p.Name, Key: "key-vim.host.VirtualSwitch-" + p.Name, NumPorts: 1536, NumPortsAvailable: 1530, Mtu: 1500,
					Spec: types.HostVirtualSwitchSpec{NumPorts: 128, Policy: &types.HostNetworkPolicy{
						Security: &types.HostNetworkSecurityPolicy{AllowPromiscuous: &no, MacChanges: &no, ForgedTransmits: &no},
					}},
				})
			}
			vswitch := &config.Network.Vswitch[at]
			if p.PNICs != nil {
				vswitch.Pnic = nil
				for _, device := range p.PNICs {
					vswitch.Pnic = append(vswitch.Pnic, "key-vim.host.PhysicalNic-"+device)
				}
				vswitch.Spec.Bridge = &types.HostVirtualSwitchBondBridge{NicDevice: p.PNICs}
			}
			if p.Security != nil {
				if vswitch.Spec.Policy == nil {
					vswitch.Spec.Policy = &types.HostNetworkPolicy{}
				}
				vswitch.Spec.Policy.Security = p.Security.standard()
			}
			return nil
		})
	})
}

type portgroupParams struct {
	Host     *Selector `json:"host"`
	Name     string    `json:"name"`
	VSwitch  string    `json:"vswitch"`
	VLAN     int32     `json:"vlan"`
	Security *security `json:"security"`
	// Network is whether VMs can use it; a port group for a vmkernel adapter is no network.
	Network *bool `json:"network"`
}

// opCreatePortgroup adds a standard port group to hosts, and the one network that stands for all of them.
func opCreatePortgroup(w *World, ctx *simulator.Context, p portgroupParams) error {
	if p.VSwitch == "" {
		p.VSwitch = "vSwitch0"
	}
	return w.eachHost(p.Host, func(host *simulator.HostSystem) error {
		err := w.configure(ctx, host, "config.network", func(config *types.HostConfigInfo) error {
			var on *types.HostVirtualSwitch
			for i := range config.Network.Vswitch {
				if config.Network.Vswitch[i].Name == p.VSwitch {
					on = &config.Network.Vswitch[i]
				}
			}
			if on == nil {
				return fmt.Errorf("no vswitch %q", p.VSwitch)
			}
			key := "key-vim.host.PortGroup-" + p.Name
			spec := types.HostPortGroupSpec{
				Name: p.Name, VlanId: p.VLAN, VswitchName: p.VSwitch,
				Policy: types.HostNetworkPolicy{Security: p.Security.standard()},
			}
			computed := types.HostNetworkPolicy{Security: &types.HostNetworkSecurityPolicy{}}
			if on.Spec.Policy != nil && on.Spec.Policy.Security != nil {
				*computed.Security = *on.Spec.Policy.Security
			}
			if s := p.Security; s != nil {
				for _, pair := range []struct{ to, from **bool }{
					{&computed.Security.AllowPromiscuous, &s.Promiscuous},
					{&computed.Security.MacChanges, &s.MACChanges},
					{&computed.Security.ForgedTransmits, &s.ForgedTransmits},
				} {
					if *pair.from != nil {
						*pair.to = *pair.from
					}
				}
			}
			group := types.HostPortGroup{Key: key, Vswitch: on.Key, Spec: spec, ComputedPolicy: computed}
			for i := range config.Network.Portgroup {
				if config.Network.Portgroup[i].Spec.Name == p.Name {
					config.Network.Portgroup[i] = group
					return nil
				}
			}
			on.Portgroup = append(on.Portgroup, key)
			config.Network.Portgroup = append(config.Network.Portgroup, group)
			return nil
		})
		if err != nil || p.Network != nil && !*p.Network {
			return err
		}
		return w.offerNetwork(ctx, host, p.Name)
	})
}

// offerNetwork makes the datacenter's network of that name, once, and connects the host to it.
func (w *World) offerNetwork(ctx *simulator.Context, host *simulator.HostSystem, name string) error {
	dc := w.datacenterOf(host)
	folder := w.registry.Get(dc.NetworkFolder).(*simulator.Folder)
	network, ok := w.registry.FindByName(name, folder.ChildEntity).(*mo.Network)
	if !ok {
		network = &mo.Network{}
		network.Name = name
		network.Entity().Name = name
		parent := folder.Self
		network.Entity().Parent = &parent
		network.Self = types.ManagedObjectReference{Type: "Network", Value: "network-" + w.uuidFor("network", dc.Self.Value, name)[:8]}
		network.Summary = &types.NetworkSummary{Network: &network.Self, Name: name, Accessible: true}
		w.registry.WithLock(ctx, folder, func() { folder.ChildEntity = append(folder.ChildEntity, network.Self) })
		w.registry.Put(network)
		w.registry.AddReference(ctx, dc, &dc.Network, network.Self)
	}
	w.registry.AddReference(ctx, host, &host.Network, network.Self)
	w.registry.AddReference(ctx, network, &network.Host, host.Self)
	switch parent := w.registry.Get(*host.Parent).(type) {
	case *simulator.ClusterComputeResource:
		w.registry.AddReference(ctx, parent, &parent.Network, network.Self)
	case *mo.ComputeResource:
		w.registry.AddReference(ctx, parent, &parent.Network, network.Self)
	}
	w.changed(ctx, host, "network")
	return nil
}

type vmkernelParams struct {
	Host      *Selector `json:"host"`
	Device    string    `json:"device"`
	Portgroup string    `json:"portgroup"`
	IP        string    `json:"ip"`
	Netmask   string    `json:"netmask"`
	MAC       string    `json:"mac"`
	// Services are what the adapter is selected for: management, vmotion, vsan, faultToleranceLogging, …
	Services []string `json:"services"`
}

func opAddVMkernel(w *World, ctx *simulator.Context, p vmkernelParams) error {
	if p.Device == "" {
		return fmt.Errorf("\"device\" is missing")
	}
	if p.Netmask == "" {
		p.Netmask = "255.255.255.0"
	}
	return w.eachHost(p.Host, func(host *simulator.HostSystem) error {
		return w.configure(ctx, host, "config", func(config *types.HostConfigInfo) error {
			mac := p.MAC
			if mac == "" {
				mac = w.macFor("vmk", host.Hardware.SystemInfo.Uuid, p.Device)
			}
			vnic := types.HostVirtualNic{
				Device: p.Device, Key: "key-vim.host.VirtualNic-" + p.Device, Portgroup: p.Portgroup,
				Spec: types.HostVirtualNicSpec{
					Mac: mac, Portgroup: p.Portgroup, NetStackInstanceKey: "defaultTcpipStack",
					Ip: &types.HostIpConfig{IpAddress: p.IP, SubnetMask: p.Netmask},
				},
			}
			network := config.Network
			replaced := false
			for i := range network.Vnic {
				if network.Vnic[i].Device == p.Device {
					network.Vnic[i], replaced = vnic, true
				}
			}
			if !replaced {
				network.Vnic = append(network.Vnic, vnic)
			}
			info := types.HostVirtualNicManagerInfo{}
			if config.VirtualNicManagerInfo != nil {
				info.NetConfig = append(info.NetConfig, config.VirtualNicManagerInfo.NetConfig...)
			}
			for _, service := range p.Services {
				at := -1
				for i := range info.NetConfig {
					if info.NetConfig[i].NicType == service {
						at = i
					}
				}
				if at < 0 {
					at = len(info.NetConfig)
					info.NetConfig = append(info.NetConfig, types.VirtualNicManagerNetConfig{NicType: service, MultiSelectAllowed: true})
				}
				one := &info.NetConfig[at]
				key := service + "." + vnic.Key
				candidate := vnic
				candidate.Key = key
				one.CandidateVnic = append(append([]types.HostVirtualNic(nil), one.CandidateVnic...), candidate)
				one.SelectedVnic = append(append([]string(nil), one.SelectedVnic...), key)
			}
			config.VirtualNicManagerInfo = &info
			return nil
		})
	})
}

type dvsParams struct {
	Name       string         `json:"name"`
	Datacenter *Selector      `json:"datacenter"`
	Folder     *Selector      `json:"folder"`
	Hosts      *Selector      `json:"hosts"`
	Security   *security      `json:"security"`
	Values     map[string]any `json:"values"`
}

// opCreateDVS makes a distributed switch; all hosts of the datacenter join unless "hosts" says which.
func opCreateDVS(w *World, ctx *simulator.Context, p dvsParams) error {
	folder, err := w.folderIn(p.Folder, p.Datacenter, "Network")
	if err != nil {
		return err
	}
	result, err := w.call(ctx, folder, "CreateDVS_Task", &types.CreateDVS_Task{
		This: folder.Reference(),
		Spec: types.DVSCreateSpec{ConfigSpec: &types.VMwareDVSConfigSpec{DVSConfigSpec: types.DVSConfigSpec{Name: p.Name}}},
	})
	if err != nil {
		return err
	}
	dvs := w.registry.Get(result.(types.ManagedObjectReference)).(*simulator.DistributedVirtualSwitch)
	if err := w.awaitUplinks(dvs); err != nil {
		return err
	}
	w.settleSwitch(dvs)
	if p.Security != nil {
		info := dvs.Config.(*types.VMwareDVSConfigInfo)
		info.DefaultPortConfig.(*types.VMwareDVSPortSetting).SecurityPolicy = p.Security.distributed()
	}
	var hosts []*simulator.HostSystem
	if p.Hosts != nil {
		chosen, err := w.some("HostSystem", p.Hosts)
		if err != nil {
			return err
		}
		for _, h := range chosen {
			hosts = append(hosts, h.(*simulator.HostSystem))
		}
	} else {
		hosts = w.hostsBelow(w.datacenterOf(folder.(mo.Entity)).HostFolder)
	}
	for _, host := range hosts {
		if err := w.joinSwitch(ctx, dvs, host); err != nil {
			return err
		}
	}
	if len(p.Values) > 0 {
		return w.write(ctx, dvs, p.Values)
	}
	return nil
}

type vlan struct {
	ID      *int32 `json:"id"`
	Private *int32 `json:"private"`
	// Trunk is a list of ranges [from, to].
	Trunk [][2]int32 `json:"trunk"`
}

func (v *vlan) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] != '{' {
		return json.Unmarshal(raw, &v.ID)
	}
	type plain vlan
	return strictJSON(raw, (*plain)(v))
}

func (v *vlan) spec() (types.BaseVmwareDistributedVirtualSwitchVlanSpec, error) {
	switch {
	case v == nil:
		return &types.VmwareDistributedVirtualSwitchVlanIdSpec{}, nil
	case v.ID != nil:
		return &types.VmwareDistributedVirtualSwitchVlanIdSpec{VlanId: *v.ID}, nil
	case v.Private != nil:
		return &types.VmwareDistributedVirtualSwitchPvlanSpec{PvlanId: *v.Private}, nil
	case v.Trunk != nil:
		spec := &types.VmwareDistributedVirtualSwitchTrunkVlanSpec{}
		for _, r := range v.Trunk {
			spec.VlanId = append(spec.VlanId, types.NumericRange{Start: r[0], End: r[1]})
		}
		return spec, nil
	}
	return nil, fmt.Errorf("a vlan is a number, {\"private\"} or {\"trunk\"}")
}

type dvPortgroupParams struct {
	Switch   *Selector      `json:"switch"`
	Name     string         `json:"name"`
	VLAN     *vlan          `json:"vlan"`
	Security *security      `json:"security"`
	Ports    int32          `json:"ports"`
	Type     string         `json:"type"`
	Values   map[string]any `json:"values"`
}

func opCreateDVPortgroup(w *World, ctx *simulator.Context, p dvPortgroupParams) error {
	dvs, err := w.one("DistributedVirtualSwitch", p.Switch)
	if err != nil {
		return err
	}
	spec, err := p.VLAN.spec()
	if err != nil {
		return err
	}
	if p.Type == "" {
		p.Type = string(types.DistributedVirtualPortgroupPortgroupTypeEarlyBinding)
	}
	_, err = w.call(ctx, dvs, "AddDVPortgroup_Task", &types.AddDVPortgroup_Task{
		This: dvs.Reference(),
		Spec: []types.DVPortgroupConfigSpec{{
			Name: p.Name, NumPorts: p.Ports, Type: p.Type,
			DefaultPortConfig: &types.VMwareDVSPortSetting{Vlan: spec, SecurityPolicy: p.Security.distributed()},
		}},
	})
	if err != nil {
		return err
	}
	w.settleSwitch(dvs)
	made := dvs.(*simulator.DistributedVirtualSwitch).Portgroup
	pg := w.registry.Get(made[len(made)-1])
	if nameOf(pg) != p.Name {
		return fmt.Errorf("port group %q was not made", p.Name)
	}
	if len(p.Values) > 0 {
		return w.write(ctx, pg, p.Values)
	}
	return nil
}
