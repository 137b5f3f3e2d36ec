package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// Size is how much of everything a new estate has; the names are those vcsim gives.
type Size struct {
	Datacenters, Clusters, Hosts, StandaloneHosts, Pools, VMs, Datastores, Portgroups, Folders, Apps int
	Autostart                                                                                        bool
}

// build makes the estate. The simulator's own model would do, but it chooses hosts for VMs at random and
// walks its datacenters in map order, so the same flags would give another estate each time.
func build(size Size, seed, instanceUUID string) (*World, error) {
	model := simulator.VPX()
	model.Datacenter, model.Cluster, model.ClusterHost = size.Datacenters, size.Clusters, size.Hosts
	model.Host, model.Pool, model.Portgroup = size.StandaloneHosts, size.Pools, size.Portgroups
	model.Folder, model.App = size.Folders, size.Apps
	model.Machine, model.Datastore, model.Autostart = 0, 0, false
	esx.HardwareVersion = "vmx-20" // what hosts of this version give new VMs
	if err := model.Create(); err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "vcsim-estate-")
	if err != nil {
		return nil, err
	}
	w := &World{
		model: model, service: model.Service, registry: model.Service.Context.Map, home: home, seed: seed,
		made: map[string]int{},
	}
	if instanceUUID == "" {
		instanceUUID = w.uuidFor("vcenter")
	}
	w.override(instanceUUID)
	ctx := w.actor("vcsim")
	hosts, _ := w.all("HostSystem", nil)
	for _, host := range hosts {
		if err := w.settleHost(host); err != nil {
			return w, err
		}
	}
	switches, _ := w.all("DistributedVirtualSwitch", nil)
	for _, s := range switches {
		w.settleSwitch(s)
	}
	centers, _ := w.all("Datacenter", nil)
	for _, dc := range centers {
		if err := w.fill(ctx, dc.(*simulator.Datacenter), size); err != nil {
			return w, fmt.Errorf("%s: %w", nameOf(dc), err)
		}
	}
	return w, nil
}

// fill adds datastores and VMs to a datacenter.
func (w *World) fill(ctx *simulator.Context, dc *simulator.Datacenter, size Size) error {
	hosts := w.hostsBelow(dc.HostFolder)
	for i := range size.Datastores {
		name := fmt.Sprintf("LocalDS_%d", i)
		if err := w.mountDatastore(ctx, dc, name, hosts); err != nil {
			return err
		}
	}
	if size.VMs == 0 {
		return nil
	}
	if size.Datastores == 0 {
		return fmt.Errorf("VMs need a datastore")
	}
	network := w.firstNetwork(dc)
	folder := w.leafFolder(dc.VmFolder)
	create := func(prefix string, hosts []types.ManagedObjectReference, pool types.ManagedObjectReference) error {
		for i := range size.VMs {
			_, err := w.createVM(ctx, vmSpec{
				Name:      fmt.Sprintf("%s_VM%d", prefix, i),
				folder:    folder,
				pool:      pool,
				host:      hosts[i%len(hosts)],
				datastore: "LocalDS_0",
				networks:  []nicSpec{{network: network}},
				on:        size.Autostart,
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	for _, ref := range w.childrenBelow(dc.HostFolder, "ComputeResource") {
		obj := w.registry.Get(ref)
		v := managed(obj)
		members := v.FieldByName("Host").Interface().([]types.ManagedObjectReference)
		root := *v.FieldByName("ResourcePool").Interface().(*types.ManagedObjectReference)
		if len(members) == 0 {
			continue
		}
		if ref.Type == "ComputeResource" {
			if err := create(nameOf(obj), members, root); err != nil {
				return err
			}
			continue
		}
		pools := managed(w.registry.Get(root)).FieldByName("ResourcePool").Interface().([]types.ManagedObjectReference)
		if len(pools) == 0 {
			if err := create(nameOf(obj)+"_RP0", members, root); err != nil {
				return err
			}
		}
		for _, pool := range pools {
			if err := create(nameOf(w.registry.Get(pool)), members, pool); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *World) mountDatastore(ctx *simulator.Context, dc mo.Reference, name string, hosts []*simulator.HostSystem) error {
	dir := filepath.Join(w.home, dc.Reference().Value, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, host := range hosts {
		system := w.registry.Get(*host.ConfigManager.DatastoreSystem)
		_, err := w.call(ctx, system, "CreateLocalDatastore", &types.CreateLocalDatastore{
			This: system.Reference(), Name: name, Path: dir,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// childrenBelow walks the folders below a folder.
func (w *World) childrenBelow(folder types.ManagedObjectReference, kind string) []types.ManagedObjectReference {
	var found []types.ManagedObjectReference
	f, ok := w.registry.Get(folder).(*simulator.Folder)
	if !ok {
		return nil
	}
	for _, child := range f.ChildEntity {
		obj := w.registry.Get(child)
		if _, ok := obj.(*simulator.Folder); ok {
			found = append(found, w.childrenBelow(child, kind)...)
		} else if obj != nil && isA(obj, kind) {
			found = append(found, child)
		}
	}
	return found
}

func (w *World) hostsBelow(folder types.ManagedObjectReference) []*simulator.HostSystem {
	var hosts []*simulator.HostSystem
	for _, ref := range w.childrenBelow(folder, "ComputeResource") {
		for _, host := range managed(w.registry.Get(ref)).FieldByName("Host").Interface().([]types.ManagedObjectReference) {
			hosts = append(hosts, w.registry.Get(host).(*simulator.HostSystem))
		}
	}
	return hosts
}

// leafFolder is the folder the model made inside the datacenter's own one, if it made one.
func (w *World) leafFolder(ref types.ManagedObjectReference) types.ManagedObjectReference {
	for _, child := range w.registry.Get(ref).(*simulator.Folder).ChildEntity {
		if child.Type == "Folder" {
			return child
		}
	}
	return ref
}

// firstNetwork is where a VM's first card goes: the first port group that is not the uplinks', else the first network.
func (w *World) firstNetwork(dc *simulator.Datacenter) types.ManagedObjectReference {
	var fallback types.ManagedObjectReference
	for _, ref := range w.childrenBelow(dc.NetworkFolder, "Network") {
		obj := w.registry.Get(ref)
		if pg, ok := obj.(*simulator.DistributedVirtualPortgroup); ok {
			if !isUplink(pg) {
				return ref
			}
			continue
		}
		if fallback.Value == "" {
			fallback = ref
		}
	}
	return fallback
}
