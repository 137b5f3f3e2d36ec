package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

type nicParams struct {
	Network *Selector `json:"network"`
	MAC     string    `json:"mac"`
	Adapter string    `json:"adapter"`
}

type createVMParams struct {
	Name         string         `json:"name"`
	Folder       *Selector      `json:"folder"`
	Host         *Selector      `json:"host"`
	Pool         *Selector      `json:"pool"`
	Datastore    string         `json:"datastore"`
	CPUs         int32          `json:"cpus"`
	MemoryMB     int64          `json:"memory_mb"`
	GuestID      string         `json:"guest_id"`
	Firmware     string         `json:"firmware"`
	Version      string         `json:"version"`
	Annotation   string         `json:"annotation"`
	UUID         string         `json:"uuid"`
	InstanceUUID string         `json:"instance_uuid"`
	NICs         []nicParams    `json:"nics"`
	DisksGB      []int64        `json:"disks_gb"`
	ExtraConfig  map[string]any `json:"extra_config"`
	On           bool           `json:"on"`
	Template     bool           `json:"template"`
	Values       map[string]any `json:"values"`
}

// opCreateVM makes a VM; what is not said is chosen: the first host, its pool and first datastore, the first network.
func opCreateVM(w *World, ctx *simulator.Context, p createVMParams) error {
	if p.Name == "" {
		return fmt.Errorf("\"name\" is missing")
	}
	hosts, err := w.some("HostSystem", p.Host)
	if err != nil {
		return err
	}
	host := hosts[0].(*simulator.HostSystem)
	dc := w.datacenterOf(host)
	folder := dc.VmFolder
	if p.Folder != nil {
		chosen, err := w.one("Folder", p.Folder)
		if err != nil {
			return err
		}
		folder = chosen.Reference()
	}
	pool := *managed(w.registry.Get(*host.Parent)).FieldByName("ResourcePool").Interface().(*types.ManagedObjectReference)
	if p.Pool != nil {
		chosen, err := w.one("ResourcePool", p.Pool)
		if err != nil {
			return err
		}
		pool = chosen.Reference()
	}
	if p.Datastore == "" {
		if len(host.Datastore) == 0 {
			return fmt.Errorf("%s has no datastore", host.Name)
		}
		p.Datastore = nameOf(w.registry.Get(host.Datastore[0]))
	}
	var nics []nicSpec
	for _, nic := range p.NICs {
		ref := w.firstNetwork(dc)
		if nic.Network != nil {
			network, err := w.one("Network", nic.Network)
			if err != nil {
				return err
			}
			ref = network.Reference()
		}
		nics = append(nics, nicSpec{network: ref, mac: nic.MAC, adapter: nic.Adapter})
	}
	if p.NICs == nil {
		nics = []nicSpec{{network: w.firstNetwork(dc)}}
	}
	vm, err := w.createVM(ctx, vmSpec{
		Name: p.Name, folder: folder, pool: pool, host: host.Self, datastore: p.Datastore, networks: nics,
		diskGB: p.DisksGB, cpus: p.CPUs, memoryMB: p.MemoryMB, guestID: p.GuestID, firmware: p.Firmware,
		annotation: p.Annotation, version: p.Version, uuid: p.UUID, instanceUUID: p.InstanceUUID, on: p.On,
	})
	if err != nil {
		return err
	}
	return w.finishVM(ctx, vm, p.ExtraConfig, p.Template, p.Values)
}

func (w *World) finishVM(ctx *simulator.Context, vm *simulator.VirtualMachine, extra map[string]any, template bool, values map[string]any) error {
	if len(extra) > 0 {
		if err := w.setExtraConfig(ctx, vm, extra); err != nil {
			return err
		}
	}
	if template {
		if _, err := w.call(ctx, vm, "MarkAsTemplate", &types.MarkAsTemplate{This: vm.Self}); err != nil {
			return err
		}
	}
	if len(values) > 0 {
		return w.write(ctx, vm, values)
	}
	return nil
}

func (w *World) datacenterOf(obj mo.Entity) *simulator.Datacenter {
	for at := obj.Entity().Parent; at != nil; {
		above := w.registry.Get(*at)
		if dc, ok := above.(*simulator.Datacenter); ok {
			return dc
		}
		at = above.(mo.Entity).Entity().Parent
	}
	return nil
}

type cloneParams struct {
	Source       *Selector      `json:"source"`
	Name         string         `json:"name"`
	Folder       *Selector      `json:"folder"`
	Host         *Selector      `json:"host"`
	Template     bool           `json:"template"`
	On           bool           `json:"on"`
	UUID         string         `json:"uuid"`
	InstanceUUID string         `json:"instance_uuid"`
	ExtraConfig  map[string]any `json:"extra_config"`
	Values       map[string]any `json:"values"`
}

func opCloneVM(w *World, ctx *simulator.Context, p cloneParams) error {
	obj, err := w.one("VirtualMachine", p.Source)
	if err != nil {
		return err
	}
	source := obj.(*simulator.VirtualMachine)
	folder := *source.Parent
	if p.Folder != nil {
		chosen, err := w.one("Folder", p.Folder)
		if err != nil {
			return err
		}
		folder = chosen.Reference()
	}
	host := *source.Runtime.Host
	if p.Host != nil {
		chosen, err := w.one("HostSystem", p.Host)
		if err != nil {
			return err
		}
		host = chosen.Reference()
	}
	parent := w.registry.Get(*w.registry.Get(host).(*simulator.HostSystem).Parent)
	pool := managed(parent).FieldByName("ResourcePool").Interface().(*types.ManagedObjectReference)
	identity := w.fresh("vm", folder.Value, p.Name)
	said := map[string]any{} // the simulator gives clones its own uuids, whatever the order says
	if p.UUID == "" {
		p.UUID = w.uuidFor("bios", folder.Value, identity)
	} else {
		said["config.uuid"] = p.UUID
	}
	if p.InstanceUUID == "" {
		p.InstanceUUID = w.uuidFor("vm", folder.Value, identity)
	} else {
		said["config.instanceUuid"] = p.InstanceUUID
	}
	result, err := w.call(ctx, source, "CloneVM_Task", &types.CloneVM_Task{
		This: source.Self, Folder: folder, Name: p.Name,
		Spec: types.VirtualMachineCloneSpec{
			Location: types.VirtualMachineRelocateSpec{Pool: pool, Host: &host},
			Config:   &types.VirtualMachineConfigSpec{Uuid: p.UUID, InstanceUuid: p.InstanceUUID},
		},
	})
	if err != nil {
		return err
	}
	vm := w.registry.Get(result.(types.ManagedObjectReference)).(*simulator.VirtualMachine)
	w.registry.WithLock(ctx, vm, func() { settleVM(vm) })
	if len(said) > 0 {
		if err := w.write(ctx, vm, said); err != nil {
			return err
		}
	}
	// The simulator lets a clone keep its source's MAC addresses, which a real vCenter does not.
	for i, device := range vm.Config.Hardware.Device {
		if card, ok := device.(types.BaseVirtualEthernetCard); ok {
			fresh := reflect.New(reflect.TypeOf(device).Elem())
			fresh.Elem().Set(reflect.ValueOf(device).Elem())
			old := card.GetVirtualEthernetCard().MacAddress
			mac := w.macFor(folder.Value, identity, fmt.Sprint(i))
			fresh.Interface().(types.BaseVirtualEthernetCard).GetVirtualEthernetCard().MacAddress = mac
			vm.Config.Hardware.Device[i] = fresh.Interface().(types.BaseVirtualDevice)
			for j := range vm.Guest.Net {
				if vm.Guest.Net[j].MacAddress == old {
					vm.Guest.Net[j].MacAddress = mac
				}
			}
		}
	}
	if err := w.finishVM(ctx, vm, p.ExtraConfig, p.Template, p.Values); err != nil {
		return err
	}
	if p.On {
		_, err = w.call(ctx, vm, "PowerOnVM_Task", &types.PowerOnVM_Task{This: vm.Self})
	}
	return err
}

type vmParams struct {
	VM *Selector `json:"vm"`
}

func (w *World) eachVM(s *Selector, f func(vm *simulator.VirtualMachine) error) error {
	if s == nil {
		return fmt.Errorf("\"vm\" is missing")
	}
	vms, err := w.some("VirtualMachine", s)
	if err != nil {
		return err
	}
	for _, vm := range vms {
		if err := f(vm.(*simulator.VirtualMachine)); err != nil {
			return fmt.Errorf("%s: %w", nameOf(vm), err)
		}
	}
	return nil
}

func opMarkTemplate(w *World, ctx *simulator.Context, p vmParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		_, err := w.call(ctx, vm, "MarkAsTemplate", &types.MarkAsTemplate{This: vm.Self})
		if err == nil {
			w.changed(ctx, vm, "config.template", "resourcePool")
		}
		return err
	})
}

func opMarkVM(w *World, ctx *simulator.Context, p vmParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		host := w.registry.Get(*vm.Runtime.Host).(*simulator.HostSystem)
		pool := managed(w.registry.Get(*host.Parent)).FieldByName("ResourcePool").Interface().(*types.ManagedObjectReference)
		_, err := w.call(ctx, vm, "MarkAsVirtualMachine", &types.MarkAsVirtualMachine{This: vm.Self, Pool: *pool})
		if err == nil {
			w.changed(ctx, vm, "config.template", "resourcePool")
		}
		return err
	})
}

func opPowerOn(w *World, ctx *simulator.Context, p vmParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		_, err := w.call(ctx, vm, "PowerOnVM_Task", &types.PowerOnVM_Task{This: vm.Self})
		return err
	})
}

func opPowerOff(w *World, ctx *simulator.Context, p vmParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		_, err := w.call(ctx, vm, "PowerOffVM_Task", &types.PowerOffVM_Task{This: vm.Self})
		return err
	})
}

func opSuspend(w *World, ctx *simulator.Context, p vmParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		_, err := w.call(ctx, vm, "SuspendVM_Task", &types.SuspendVM_Task{This: vm.Self})
		return err
	})
}

type migrateParams struct {
	VM   *Selector `json:"vm"`
	Host *Selector `json:"host"`
	// DRS moves it: the event is another one, and nobody's.
	DRS bool `json:"drs"`
}

// opMigrate moves VMs to a host. It does not use RelocateVM_Task, which leaves both hosts' lists of VMs as they were.
func opMigrate(w *World, ctx *simulator.Context, p migrateParams) error {
	obj, err := w.one("HostSystem", p.Host)
	if err != nil {
		return err
	}
	target := obj.(*simulator.HostSystem)
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		source := w.registry.Get(*vm.Runtime.Host).(*simulator.HostSystem)
		if source == target {
			return fmt.Errorf("is on %s already", target.Name)
		}
		w.registry.RemoveReference(ctx, source, &source.Vm, vm.Self)
		w.registry.AddReference(ctx, target, &target.Vm, vm.Self)
		here := target.Self
		w.registry.WithLock(ctx, vm, func() {
			vm.Runtime.Host = &here
			vm.Summary.Runtime.Host = &here
			if *source.Parent != *target.Parent && !vm.Config.Template {
				pool := managed(w.registry.Get(*target.Parent)).FieldByName("ResourcePool").Interface().(*types.ManagedObjectReference)
				vm.ResourcePool = pool
			}
		})
		w.changed(ctx, vm, "runtime.host", "summary.runtime.host")
		w.changed(ctx, source, "vm")
		w.changed(ctx, target, "vm")
		argument := func(h *simulator.HostSystem) types.HostEventArgument {
			return types.HostEventArgument{EntityEventArgument: types.EntityEventArgument{Name: h.Name}, Host: h.Self}
		}
		from, to := argument(source), argument(target)
		var store *types.DatastoreEventArgument // without it the message ends where it would stand
		for _, ref := range vm.Datastore {
			store = &types.DatastoreEventArgument{EntityEventArgument: types.EntityEventArgument{Name: nameOf(w.registry.Get(ref))}, Datastore: ref}
			break
		}
		moved := types.VmMigratedEvent{
			VmEvent: types.VmEvent{Event: types.Event{
				Vm:   &types.VmEventArgument{EntityEventArgument: types.EntityEventArgument{Name: vm.Name}, Vm: vm.Self},
				Host: &to,
				Ds:   store,
			}},
			SourceHost:      from,
			SourceDatastore: store,
		}
		by := ctx
		var told types.BaseEvent = &moved
		if p.DRS {
			by, told = w.actor(""), &types.DrsVmMigratedEvent{VmMigratedEvent: moved}
		}
		manager := w.registry.EventManager()
		_, err := w.call(by, manager, "PostEvent", &types.PostEvent{This: manager.Self, EventToPost: told})
		return err
	})
}

type snapshotParams struct {
	VM          *Selector `json:"vm"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	CreatedAt   string    `json:"created_at"`
	Memory      bool      `json:"memory"`
	Quiesce     bool      `json:"quiesce"`
}

func opCreateSnapshot(w *World, ctx *simulator.Context, p snapshotParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		result, err := w.call(ctx, vm, "CreateSnapshot_Task", &types.CreateSnapshot_Task{
			This: vm.Self, Name: p.Name, Description: p.Description, Memory: p.Memory, Quiesce: p.Quiesce,
		})
		if err != nil || p.CreatedAt == "" {
			return err
		}
		when, err := parseTime(p.CreatedAt)
		if err != nil {
			return err
		}
		ref := result.(types.ManagedObjectReference)
		w.registry.WithLock(ctx, vm, func() {
			if tree := snapshotIn(vm.Snapshot.RootSnapshotList, ref); tree != nil {
				tree.CreateTime = when
			}
		})
		w.changed(ctx, vm, "snapshot")
		return nil
	})
}

func snapshotIn(trees []types.VirtualMachineSnapshotTree, ref types.ManagedObjectReference) *types.VirtualMachineSnapshotTree {
	for i := range trees {
		if trees[i].Snapshot == ref {
			return &trees[i]
		}
		if found := snapshotIn(trees[i].ChildSnapshotList, ref); found != nil {
			return found
		}
	}
	return nil
}

func opRemoveSnapshots(w *World, ctx *simulator.Context, p vmParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		_, err := w.call(ctx, vm, "RemoveAllSnapshots_Task", &types.RemoveAllSnapshots_Task{This: vm.Self})
		return err
	})
}

type removeSnapshotParams struct {
	VM       *Selector `json:"vm"`
	Name     string    `json:"name"`
	Children bool      `json:"children"`
}

// opRemoveSnapshot removes the one of that name; without "children" those below it move up.
func opRemoveSnapshot(w *World, ctx *simulator.Context, p removeSnapshotParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		if vm.Snapshot != nil {
			if ref := snapshotNamed(vm.Snapshot.RootSnapshotList, p.Name); ref != nil {
				_, err := w.call(ctx, w.registry.Get(*ref), "RemoveSnapshot_Task", &types.RemoveSnapshot_Task{
					This: *ref, RemoveChildren: p.Children,
				})
				return err
			}
		}
		return fmt.Errorf("no snapshot is called %q", p.Name)
	})
}

func snapshotNamed(trees []types.VirtualMachineSnapshotTree, name string) *types.ManagedObjectReference {
	for i := range trees {
		if trees[i].Name == name {
			return &trees[i].Snapshot
		}
		if found := snapshotNamed(trees[i].ChildSnapshotList, name); found != nil {
			return found
		}
	}
	return nil
}

type addNICParams struct {
	VM *Selector `json:"vm"`
	nicParams
}

func opAddNIC(w *World, ctx *simulator.Context, p addNICParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		ref := w.firstNetwork(w.datacenterOf(vm))
		if p.Network != nil {
			network, err := w.one("Network", p.Network)
			if err != nil {
				return err
			}
			ref = network.Reference()
		}
		mac := p.MAC
		if mac == "" {
			mac = w.macFor(vm.Config.InstanceUuid, w.fresh("nic", vm.Config.InstanceUuid))
		}
		card, err := w.card(nicSpec{network: ref, mac: mac, adapter: p.Adapter})
		if err != nil {
			return err
		}
		err = w.reconfigure(ctx, vm, types.VirtualMachineConfigSpec{
			DeviceChange: []types.BaseVirtualDeviceConfigSpec{&types.VirtualDeviceConfigSpec{
				Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: card,
			}},
		})
		if err == nil {
			w.registry.WithLock(ctx, vm, func() { settleVM(vm) })
		}
		return err
	})
}

type removeNICParams struct {
	VM  *Selector `json:"vm"`
	MAC string    `json:"mac"`
}

func opRemoveNIC(w *World, ctx *simulator.Context, p removeNICParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error {
		for _, device := range vm.Config.Hardware.Device {
			card, ok := device.(types.BaseVirtualEthernetCard)
			if !ok || !strings.EqualFold(card.GetVirtualEthernetCard().MacAddress, p.MAC) {
				continue
			}
			return w.reconfigure(ctx, vm, types.VirtualMachineConfigSpec{
				DeviceChange: []types.BaseVirtualDeviceConfigSpec{&types.VirtualDeviceConfigSpec{
					Operation: types.VirtualDeviceConfigSpecOperationRemove, Device: device,
				}},
			})
		}
		return fmt.Errorf("no card has MAC address %s", p.MAC)
	})
}

func (w *World) reconfigure(ctx *simulator.Context, vm *simulator.VirtualMachine, spec types.VirtualMachineConfigSpec) error {
	_, err := w.call(ctx, vm, "ReconfigVM_Task", &types.ReconfigVM_Task{This: vm.Self, Spec: spec})
	return err
}

type extraConfigParams struct {
	VM      *Selector      `json:"vm"`
	Options map[string]any `json:"options"`
}

func opExtraConfig(w *World, ctx *simulator.Context, p extraConfigParams) error {
	return w.eachVM(p.VM, func(vm *simulator.VirtualMachine) error { return w.setExtraConfig(ctx, vm, p.Options) })
}

// setExtraConfig writes the list itself: ReconfigVM_Task gives keys like SET.* and RUN.* a meaning of the simulator's own.
func (w *World) setExtraConfig(ctx *simulator.Context, vm *simulator.VirtualMachine, options map[string]any) error {
	if len(options) == 0 {
		return errNothing
	}
	list, err := w.withOptions(vm.Config.ExtraConfig, options, func(i int64) any { return fmt.Sprint(i) })
	if err != nil {
		return err
	}
	w.registry.WithLock(ctx, vm, func() { vm.Config.ExtraConfig = list })
	w.changed(ctx, vm, "config.extraConfig")
	return nil
}
