package main

import (
	"fmt"
	"path"
	"reflect"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

type nicSpec struct {
	network types.ManagedObjectReference
	mac     string
	adapter string
}

type vmSpec struct {
	Name         string
	folder       types.ManagedObjectReference
	pool         types.ManagedObjectReference
	host         types.ManagedObjectReference
	datastore    string
	networks     []nicSpec
	diskGB       []int64
	cpus         int32
	memoryMB     int64
	guestID      string
	firmware     string
	annotation   string
	version      string
	uuid         string
	instanceUUID string
	on           bool
}

// createVM makes a VM with a pvscsi disk, a CD drive and network cards, as the simulator's model does.
func (w *World) createVM(ctx *simulator.Context, spec vmSpec) (*simulator.VirtualMachine, error) {
	identity := w.fresh("vm", spec.folder.Value, spec.Name)
	where := spec.folder.Value
	if spec.uuid == "" {
		spec.uuid = w.uuidFor("bios", where, identity)
	}
	if spec.instanceUUID == "" {
		spec.instanceUUID = w.uuidFor("vm", where, identity)
	}
	if spec.guestID == "" {
		spec.guestID = string(types.VirtualMachineGuestOsIdentifierOtherGuest)
	}
	if spec.cpus == 0 {
		spec.cpus = 1
	}
	if spec.memoryMB == 0 {
		spec.memoryMB = 32
	}
	if spec.diskGB == nil {
		spec.diskGB = []int64{10}
	}
	config := types.VirtualMachineConfigSpec{
		Name: spec.Name, GuestId: spec.guestID, Uuid: spec.uuid, InstanceUuid: spec.instanceUUID,
		NumCPUs: spec.cpus, MemoryMB: spec.memoryMB, Firmware: spec.firmware, Annotation: spec.annotation,
		Version: spec.version,
		Files:   &types.VirtualMachineFileInfo{VmPathName: "[" + spec.datastore + "]"},
	}
	var devices object.VirtualDeviceList
	scsi, err := devices.CreateSCSIController("pvscsi")
	if err != nil {
		return nil, err
	}
	devices = append(devices, scsi) // first, or the next controller gets the same key
	ide, err := devices.CreateIDEController()
	if err != nil {
		return nil, err
	}
	cdrom, err := devices.CreateCdrom(ide.(*types.VirtualIDEController))
	if err != nil {
		return nil, err
	}
	// A real CD drive starts without a medium; the one made here is connected and named after the time.
	cdrom.Backing = &types.VirtualCdromRemotePassthroughBackingInfo{}
	cdrom.Connectable = &types.VirtualDeviceConnectInfo{AllowGuestControl: true, Status: "untried"}
	devices = append(devices, ide, cdrom)
	for i, gb := range spec.diskGB {
		file := fmt.Sprintf("%s %s", config.Files.VmPathName, path.Join(spec.Name, fmt.Sprintf("disk%d.vmdk", i+1)))
		disk := devices.CreateDisk(scsi.(types.BaseVirtualController), types.ManagedObjectReference{}, file)
		disk.CapacityInKB = gb * 1024 * 1024
		disk.StorageIOAllocation = &types.StorageIOAllocationInfo{Limit: types.NewInt64(-1)}
		unit := int32(i)
		disk.UnitNumber = &unit
		devices = append(devices, disk)
	}
	for i, nic := range spec.networks {
		if nic.mac == "" {
			nic.mac = w.macFor(where, identity, fmt.Sprint(i))
		}
		card, err := w.card(nic)
		if err != nil {
			return nil, err
		}
		devices = append(devices, card)
	}
	if config.DeviceChange, err = devices.ConfigSpec(types.VirtualDeviceConfigSpecOperationAdd); err != nil {
		return nil, err
	}
	folder := w.registry.Get(spec.folder)
	result, err := w.call(ctx, folder, "CreateVM_Task", &types.CreateVM_Task{
		This: spec.folder, Config: config, Pool: spec.pool, Host: &spec.host,
	})
	if err != nil {
		return nil, err
	}
	vm := w.registry.Get(result.(types.ManagedObjectReference)).(*simulator.VirtualMachine)
	w.registry.WithLock(ctx, vm, func() {
		settleVM(vm)
	})
	if spec.on {
		_, err = w.call(ctx, vm, "PowerOnVM_Task", &types.PowerOnVM_Task{This: vm.Self})
	}
	return vm, err
}

// card makes a network card on a network of either kind.
func (w *World) card(nic nicSpec) (types.BaseVirtualDevice, error) {
	backing, err := w.cardBacking(nic.network)
	if err != nil {
		return nil, err
	}
	kind := nic.adapter
	if kind == "" {
		kind = "vmxnet3"
	}
	device, err := object.EthernetCardTypes().CreateEthernetCard(kind, backing)
	if err != nil {
		return nil, err
	}
	ethernet := device.(types.BaseVirtualEthernetCard).GetVirtualEthernetCard()
	ethernet.MacAddress = nic.mac
	ethernet.AddressType = string(types.VirtualEthernetCardMacTypeAssigned)
	ethernet.Connectable = &types.VirtualDeviceConnectInfo{StartConnected: true, AllowGuestControl: true, Connected: true, Status: "ok"}
	return device, nil
}

func (w *World) cardBacking(ref types.ManagedObjectReference) (types.BaseVirtualDeviceBackingInfo, error) {
	switch network := w.registry.Get(ref).(type) {
	case *simulator.DistributedVirtualPortgroup:
		dvs := w.registry.Get(*network.Config.DistributedVirtualSwitch).(*simulator.DistributedVirtualSwitch)
		return &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{
			Port: types.DistributedVirtualSwitchPortConnection{PortgroupKey: network.Key, SwitchUuid: dvs.Uuid},
		}, nil
	case mo.Reference:
		if !isA(network, "Network") {
			break
		}
		return &types.VirtualEthernetCardNetworkBackingInfo{
			VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: nameOf(network)},
			Network:                        &ref,
		}, nil
	}
	return nil, fmt.Errorf("%s is not a network", ref.Value)
}

// templateDevices is what the simulator's shared devices hold before any VM.
var templateDevices = func() map[int32][]int32 {
	lists := map[int32][]int32{}
	for _, device := range esx.VirtualDevice {
		if controller, ok := device.(types.BaseVirtualController); ok {
			c := controller.GetVirtualController()
			lists[c.Key] = append([]int32(nil), c.Device...)
		}
	}
	return lists
}()

// settleVM makes a new VM's own what it shares with all others, and says what a real vCenter always says.
func settleVM(vm *simulator.VirtualMachine) {
	shared := map[types.BaseVirtualDevice]bool{}
	for _, device := range esx.VirtualDevice {
		shared[device] = true
	}
	for i, device := range vm.Config.Hardware.Device {
		if shared[device] {
			own := reflect.New(reflect.TypeOf(device).Elem())
			own.Elem().Set(reflect.ValueOf(device).Elem())
			vm.Config.Hardware.Device[i] = own.Interface().(types.BaseVirtualDevice)
		}
	}
	for _, device := range esx.VirtualDevice {
		if controller, ok := device.(types.BaseVirtualController); ok {
			c := controller.GetVirtualController()
			c.Device = append([]int32(nil), templateDevices[c.Key]...)
		}
	}
	counts := map[string]int{}
	for _, device := range vm.Config.Hardware.Device {
		label := ""
		switch device.(type) {
		case *types.VirtualDisk:
			label = "Hard disk"
		case *types.VirtualCdrom:
			label = "CD/DVD drive"
		case types.BaseVirtualEthernetCard:
			label = "Network adapter"
		default:
			continue
		}
		counts[label]++
		info := *device.GetVirtualDevice().DeviceInfo.GetDescription()
		info.Label = fmt.Sprintf("%s %d", label, counts[label])
		device.GetVirtualDevice().DeviceInfo = &info
	}
	// Left empty, these break clients that check enumerations.
	vm.Runtime.FaultToleranceState = types.VirtualMachineFaultToleranceStateNotConfigured
	vm.Runtime.RecordReplayState = types.VirtualMachineRecordReplayStateInactive
	vm.Summary.Runtime = vm.Runtime
}
