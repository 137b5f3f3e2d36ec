package main

import (
	"fmt"
	"reflect"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

type portOverrideParams struct {
	Portgroup *Selector      `json:"portgroup"`
	Key       string         `json:"key"`
	VM        *Selector      `json:"vm"`
	Setting   map[string]any `json:"setting"`
}

// opPortOverride lets one port of a group have a setting of its own; what it does not mention is inherited.
// From then on the switch answers FetchDVPorts with such ports alone.
func opPortOverride(w *World, ctx *simulator.Context, p portOverrideParams) error {
	if p.Key == "" || len(p.Setting) == 0 {
		return fmt.Errorf("\"key\" and \"setting\" are wanted")
	}
	found, err := w.one("DistributedVirtualPortgroup", p.Portgroup)
	if err != nil {
		return err
	}
	group := found.(*simulator.DistributedVirtualPortgroup)
	dvs := w.registry.Get(*group.Config.DistributedVirtualSwitch).(*simulator.DistributedVirtualSwitch)
	own, err := w.decode(reflect.TypeOf(types.VMwareDVSPortSetting{}), p.Setting, "setting")
	if err != nil {
		return err
	}
	setting := own.Interface().(types.VMwareDVSPortSetting)
	if setting.SecurityPolicy == nil {
		setting.SecurityPolicy = securityPolicy(false, false, false)
		setting.SecurityPolicy.Inherited = true
	}
	port := types.DistributedVirtualPort{
		Key: p.Key, DvsUuid: dvs.Uuid, PortgroupKey: group.Key,
		Config: types.DVPortConfigInfo{Setting: &setting},
	}
	if p.VM != nil {
		vm, err := w.one("VirtualMachine", p.VM)
		if err != nil {
			return err
		}
		ref := vm.Reference()
		port.Connectee = &types.DistributedVirtualSwitchPortConnectee{ConnectedEntity: &ref, Type: "vmVnic"}
	}
	w.registry.WithLock(ctx, dvs, func() {
		dvs.FetchDVPortsResponse.Returnval = append(dvs.FetchDVPortsResponse.Returnval, port)
	})
	return nil
}
