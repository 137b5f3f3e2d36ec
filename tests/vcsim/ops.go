package main

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// operations is the vocabulary of "ops"; README.md describes it, and a test keeps the two the same.
var operations map[string]operation

func init() {
	operations = map[string]operation{
		"set":  op(opSet),
		"call": op(opCall),

		"create_vm":        op(opCreateVM),
		"clone_vm":         op(opCloneVM),
		"mark_template":    op(opMarkTemplate),
		"mark_vm":          op(opMarkVM),
		"power_on":         op(opPowerOn),
		"power_off":        op(opPowerOff),
		"suspend":          op(opSuspend),
		"destroy":          op(opDestroy),
		"migrate":          op(opMigrate),
		"create_snapshot":  op(opCreateSnapshot),
		"remove_snapshot":  op(opRemoveSnapshot),
		"remove_snapshots": op(opRemoveSnapshots),
		"add_nic":          op(opAddNIC),
		"remove_nic":       op(opRemoveNIC),
		"extra_config":     op(opExtraConfig),

		"create_folder":     op(opCreateFolder),
		"create_datacenter": op(opCreateDatacenter),
		"create_cluster":    op(opCreateCluster),
		"create_pool":       op(opCreatePool),
		"create_datastore":  op(opCreateDatastore),
		"rename":            op(opRename),
		"move":              op(opMove),

		"add_host":         op(opAddHost),
		"remove_host":      op(opRemoveHost),
		"host_options":     op(opHostOptions),
		"host_service":     op(opHostService),
		"host_ntp":         op(opHostNTP),
		"host_lockdown":    op(opHostLockdown),
		"host_firewall":    op(opHostFirewall),
		"host_acceptance":  op(opHostAcceptance),
		"create_vswitch":   op(opCreateVSwitch),
		"create_portgroup": op(opCreatePortgroup),
		"add_vmkernel":     op(opAddVMkernel),

		"create_dvs":         op(opCreateDVS),
		"create_dvportgroup": op(opCreateDVPortgroup),
		"port_override":      op(opPortOverride),

		"custom_field":    op(opCustomField),
		"custom_value":    op(opCustomValue),
		"tag":             op(opTag),
		"untag":           op(opUntag),
		"rest":            op(opRest),
		"library":         op(opLibrary),
		"library_item":    op(opLibraryItem),
		"remove_library":  op(opRemoveLibrary),
		"vcenter_options": op(opVCenterOptions),
		"post_event":      op(opPostEvent),
		"forget_events":   op(opForgetEvents),

		"account":      op(opAccount),
		"create_role":  op(opCreateRole),
		"remove_role":  op(opRemoveRole),
		"grant":        op(opGrant),
		"revoke":       op(opRevoke),
		"group":        op(opGroup),
		"forget_group": op(opForgetGroup),
		"withhold":     op(opWithhold),
		"disclose":     op(opDisclose),

		"clock":           op(opClock),
		"expire_sessions": op(opExpireSessions),
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func opSet(w *World, ctx *simulator.Context, p Setting) error { return w.set(ctx, p) }

type callParams struct {
	Type   string         `json:"type"`
	Match  *Selector      `json:"match"`
	Method string         `json:"method"`
	Args   map[string]any `json:"args"`
}

// opCall runs any method that the simulator has.
func opCall(w *World, ctx *simulator.Context, p callParams) error {
	targets, err := w.some(p.Type, p.Match)
	if err != nil {
		return err
	}
	t, ok := vimType(p.Method)
	if !ok {
		return fmt.Errorf("no vim method is called %q", p.Method)
	}
	for _, target := range targets {
		request, err := w.decode(t, anyOf(p.Args), p.Method)
		if err != nil {
			return err
		}
		full := reflect.New(t)
		full.Elem().Set(request)
		full.Elem().FieldByName("This").Set(reflect.ValueOf(target.Reference()))
		if _, err := w.call(ctx, target, p.Method, full.Interface()); err != nil {
			return err
		}
	}
	return nil
}

func anyOf(m map[string]any) any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// --- inventory

type folderParams struct {
	Name   string    `json:"name"`
	Parent *Selector `json:"parent"`
}

func opCreateFolder(w *World, ctx *simulator.Context, p folderParams) error {
	parent, err := w.one("Folder", p.Parent)
	if err != nil {
		return err
	}
	_, err = w.call(ctx, parent, "CreateFolder", &types.CreateFolder{This: parent.Reference(), Name: p.Name})
	return err
}

func opCreateDatacenter(w *World, ctx *simulator.Context, p folderParams) error {
	parent := w.registry.Get(w.root())
	if p.Parent != nil {
		var err error
		if parent, err = w.one("Folder", p.Parent); err != nil {
			return err
		}
	}
	_, err := w.call(ctx, parent, "CreateDatacenter", &types.CreateDatacenter{This: parent.Reference(), Name: p.Name})
	return err
}

type clusterParams struct {
	Name       string    `json:"name"`
	Datacenter *Selector `json:"datacenter"`
	Folder     *Selector `json:"folder"`
}

// folderIn finds a folder: the one named, or a datacenter's own for the purpose, of the only datacenter if none is named.
func (w *World) folderIn(folder, datacenter *Selector, purpose string) (mo.Reference, error) {
	if folder != nil {
		return w.one("Folder", folder)
	}
	if datacenter == nil {
		datacenter = &Selector{}
	}
	dc, err := w.one("Datacenter", datacenter)
	if err != nil {
		return nil, err
	}
	ref := managed(dc).FieldByName(purpose + "Folder").Interface().(types.ManagedObjectReference)
	return w.registry.Get(ref), nil
}

func opCreateCluster(w *World, ctx *simulator.Context, p clusterParams) error {
	folder, err := w.folderIn(p.Folder, p.Datacenter, "Host")
	if err != nil {
		return err
	}
	_, err = w.call(ctx, folder, "CreateClusterEx", &types.CreateClusterEx{
		This: folder.Reference(), Name: p.Name, Spec: types.ClusterConfigSpecEx{},
	})
	return err
}

func opCreatePool(w *World, ctx *simulator.Context, p folderParams) error {
	parent, err := w.one("", p.Parent)
	if err != nil {
		return err
	}
	if isA(parent, "ComputeResource") {
		parent = w.registry.Get(*managed(parent).FieldByName("ResourcePool").Interface().(*types.ManagedObjectReference))
	}
	_, err = w.call(ctx, parent, "CreateResourcePool", &types.CreateResourcePool{
		This: parent.Reference(), Name: p.Name, Spec: types.DefaultResourceConfigSpec(),
	})
	return err
}

type datastoreParams struct {
	Name       string    `json:"name"`
	Datacenter *Selector `json:"datacenter"`
	// Hosts mount it; all of the datacenter's unless said otherwise.
	Hosts *Selector `json:"hosts"`
}

func opCreateDatastore(w *World, ctx *simulator.Context, p datastoreParams) error {
	dc := p.Datacenter
	if dc == nil {
		dc = &Selector{}
	}
	center, err := w.one("Datacenter", dc)
	if err != nil {
		return err
	}
	hosts := w.hostsBelow(center.(*simulator.Datacenter).HostFolder)
	if p.Hosts != nil {
		chosen, err := w.some("HostSystem", p.Hosts)
		if err != nil {
			return err
		}
		hosts = nil
		for _, h := range chosen {
			hosts = append(hosts, h.(*simulator.HostSystem))
		}
	}
	return w.mountDatastore(ctx, center, p.Name, hosts)
}

type renameParams struct {
	Target *Selector `json:"target"`
	Name   string    `json:"name"`
}

func opRename(w *World, ctx *simulator.Context, p renameParams) error {
	target, err := w.one("ManagedEntity", p.Target)
	if err != nil {
		return err
	}
	if !reflect.ValueOf(target).MethodByName("RenameTask").IsValid() {
		return w.write(ctx, target, map[string]any{"name": p.Name})
	}
	if _, err := w.call(ctx, target, "Rename_Task", &types.Rename_Task{This: target.Reference(), NewName: p.Name}); err != nil {
		return err
	}
	if vm, ok := target.(*simulator.VirtualMachine); ok {
		vm.Config.Name = p.Name
		vm.Summary.Config.Name = p.Name
		w.changed(ctx, vm, "name", "config.name")
	}
	return nil
}

type moveParams struct {
	Target *Selector `json:"target"`
	Folder *Selector `json:"folder"`
}

func opMove(w *World, ctx *simulator.Context, p moveParams) error {
	targets, err := w.some("ManagedEntity", p.Target)
	if err != nil {
		return err
	}
	folder, err := w.one("Folder", p.Folder)
	if err != nil {
		return err
	}
	var refs []types.ManagedObjectReference
	for _, t := range targets {
		refs = append(refs, t.Reference())
	}
	_, err = w.call(ctx, folder, "MoveIntoFolder_Task", &types.MoveIntoFolder_Task{This: folder.Reference(), List: refs})
	return err
}

type targetParams struct {
	Target *Selector `json:"target"`
}

func opDestroy(w *World, ctx *simulator.Context, p targetParams) error {
	if p.Target == nil {
		return fmt.Errorf("\"target\" is missing")
	}
	targets, err := w.some("ManagedEntity", p.Target)
	if err != nil {
		return err
	}
	for _, target := range targets {
		if vm, ok := target.(*simulator.VirtualMachine); ok && vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
			if _, err := w.call(ctx, vm, "PowerOffVM_Task", &types.PowerOffVM_Task{This: vm.Self}); err != nil {
				return err
			}
		}
		if vm, ok := target.(*simulator.VirtualMachine); ok && vm.Config.Template {
			w.leavePools(ctx, vm)
		}
		if _, err := w.call(ctx, target, "Destroy_Task", &types.Destroy_Task{This: target.Reference()}); err != nil {
			return err
		}
	}
	return nil
}

// leavePools takes a template out of the pool that it was in before it was one: it has none, and
// the simulator, which left it there, would list it for ever.
func (w *World) leavePools(ctx *simulator.Context, vm *simulator.VirtualMachine) {
	for _, entity := range w.registry.All("ResourcePool") {
		pool := entity.(*simulator.ResourcePool)
		w.registry.RemoveReference(ctx, pool, &pool.Vm, vm.Self)
	}
}

// --- custom attributes, options, events

type customFieldParams struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func (w *World) content() types.ServiceContent {
	return w.registry.Get(serviceInstance).(*ServiceInstance).Content
}

func opCustomField(w *World, ctx *simulator.Context, p customFieldParams) error {
	manager := w.registry.Get(*w.content().CustomFieldsManager).(*simulator.CustomFieldsManager)
	before := len(manager.Field)
	if _, err := w.call(ctx, manager, "AddCustomFieldDef", &types.AddCustomFieldDef{
		This: manager.Self, Name: p.Name, MoType: p.Type,
	}); err != nil {
		return err
	}
	// The simulator numbers fields from 0 and gives them the object's type; a real vCenter from 1, with string.
	for i := before; i < len(manager.Field); i++ {
		manager.Field[i].Type = "string"
	}
	return nil
}

type customValueParams struct {
	Target *Selector `json:"target"`
	Name   string    `json:"name"`
	Value  string    `json:"value"`
}

func opCustomValue(w *World, ctx *simulator.Context, p customValueParams) error {
	targets, err := w.some("ManagedEntity", p.Target)
	if err != nil {
		return err
	}
	manager := w.registry.Get(*w.content().CustomFieldsManager).(*simulator.CustomFieldsManager)
	for _, target := range targets {
		key := int32(-1)
		for _, field := range manager.Field {
			if field.Name == p.Name && (field.ManagedObjectType == "" || isA(target, field.ManagedObjectType)) {
				key = field.Key
			}
		}
		if key < 0 {
			return fmt.Errorf("no custom field %q for %s", p.Name, target.Reference().Type)
		}
		if _, err := w.call(ctx, manager, "SetField", &types.SetField{
			This: manager.Self, Entity: target.Reference(), Key: key, Value: p.Value,
		}); err != nil {
			return err
		}
		w.changed(ctx, target, "customValue", "value")
	}
	return nil
}

type optionsParams struct {
	Options map[string]any `json:"options"`
}

// optionValue gives a setting of vCenter its type: whole numbers are xsd:int there.
func (w *World) optionValue(raw any, whole func(int64) any) (any, error) {
	if fields, ok := raw.(map[string]any); ok {
		value, err := w.decodeInterface(reflect.TypeOf((*types.AnyType)(nil)).Elem(), fields, "value")
		if err != nil {
			return nil, err
		}
		return value.Interface(), nil
	}
	value, err := scalarOf(raw)
	if i, ok := value.(int64); ok {
		return whole(i), err
	}
	return value, err
}

func (w *World) withOptions(have []types.BaseOptionValue, want map[string]any, whole func(int64) any) ([]types.BaseOptionValue, error) {
	out := make([]types.BaseOptionValue, 0, len(have)+len(want))
	for _, option := range have {
		if _, replaced := want[option.GetOptionValue().Key]; !replaced {
			out = append(out, option)
		}
	}
	for _, key := range sortedKeys(want) {
		if want[key] == nil {
			continue
		}
		value, err := w.optionValue(want[key], whole)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out = append(out, &types.OptionValue{Key: key, Value: value})
	}
	return out, nil
}

func opVCenterOptions(w *World, ctx *simulator.Context, p optionsParams) error {
	manager := w.registry.Get(*w.content().Setting).(*simulator.OptionManager)
	settings, err := w.withOptions(manager.Setting, p.Options, func(i int64) any { return int32(i) })
	if err != nil {
		return err
	}
	manager.Setting = settings
	w.changed(ctx, manager, "setting")
	return nil
}

type eventParams struct {
	Event     map[string]any `json:"event"`
	CreatedAt string         `json:"created_at"`
	VM        *Selector      `json:"vm"`
	Host      *Selector      `json:"host"`
	Message   string         `json:"message"`
}

// opPostEvent adds any event, as of any time; the simulator itself stamps all with now.
func opPostEvent(w *World, ctx *simulator.Context, p eventParams) error {
	value, err := w.decodeInterface(reflect.TypeOf((*types.BaseEvent)(nil)).Elem(), p.Event, "event")
	if err != nil {
		return err
	}
	event := value.Interface().(types.BaseEvent)
	base := event.GetEvent()
	if p.VM != nil {
		vm, err := w.one("VirtualMachine", p.VM)
		if err != nil {
			return err
		}
		base.Vm = &types.VmEventArgument{EntityEventArgument: types.EntityEventArgument{Name: nameOf(vm)}, Vm: vm.Reference()}
		if p.Host == nil {
			p.Host = &Selector{Ref: vm.(*simulator.VirtualMachine).Runtime.Host.Value}
		}
	}
	if p.Host != nil {
		host, err := w.one("HostSystem", p.Host)
		if err != nil {
			return err
		}
		base.Host = &types.HostEventArgument{EntityEventArgument: types.EntityEventArgument{Name: nameOf(host)}, Host: host.Reference()}
	}
	extended, isExtended := event.(*types.EventEx)
	var about types.EventEx
	if isExtended {
		// The simulator wants alarms of the object of such an event, which has to be one of its own.
		about = *extended
		extended.ObjectType, extended.ObjectId = "Folder", w.content().RootFolder.Value
	}
	manager := w.registry.Get(*w.content().EventManager).(*simulator.EventManager)
	if _, err := w.call(ctx, manager, "PostEvent", &types.PostEvent{This: manager.Self, EventToPost: event}); err != nil {
		return err
	}
	w.registry.WithLock(ctx, manager, func() {
		if isExtended {
			extended.ObjectType, extended.ObjectId = about.ObjectType, about.ObjectId
		}
		if p.CreatedAt != "" {
			base.CreatedTime, err = parseTime(p.CreatedAt)
		}
		if p.Message != "" {
			base.FullFormattedMessage = p.Message
		}
	})
	return err
}

// opForgetEvents purges the log, as a vCenter does with what is older than event.maxAge.
func opForgetEvents(w *World, _ *simulator.Context, _ nothing) error {
	now := time.Now()
	w.forgotten.Store(&now)
	return nil
}

// withoutForgotten narrows an event collector to what the log still holds.
func (w *World) withoutForgotten(filter *types.EventFilterSpec) {
	since := w.forgotten.Load()
	if since == nil {
		return
	}
	if filter.Time == nil {
		filter.Time = &types.EventFilterSpecByTime{}
	}
	if begin := filter.Time.BeginTime; begin == nil || begin.Before(*since) {
		filter.Time.BeginTime = since
	}
}

// --- access

type accountParams struct {
	Username string   `json:"username"`
	Password string   `json:"password"`
	Groups   []string `json:"groups"`
	Role     string   `json:"role"`
}

func opAccount(w *World, ctx *simulator.Context, p accountParams) error {
	if p.Username == "" || p.Password == "" {
		return fmt.Errorf("\"username\" and \"password\" are wanted")
	}
	w.access.add(account{Username: p.Username, Password: p.Password, Groups: p.Groups})
	if p.Role == "" {
		return nil
	}
	return opGrant(w, ctx, grantParams{Principal: p.Username, Role: p.Role})
}

type roleParams struct {
	Name       string   `json:"name"`
	Privileges []string `json:"privileges"`
}

// opCreateRole makes or changes a role. Privileges are not checked against the simulator's list, which is an old one.
func opCreateRole(w *World, _ *simulator.Context, p roleParams) error {
	if p.Name == "" {
		return fmt.Errorf("\"name\" is missing")
	}
	have := map[string]bool{}
	var privileges []string
	for _, id := range append(append([]string{}, p.Privileges...), "System.Anonymous", "System.Read", "System.View") {
		if !have[id] {
			have[id] = true
			privileges = append(privileges, id)
		}
	}
	manager := w.authorization()
	for i := range manager.RoleList {
		if manager.RoleList[i].Name == p.Name {
			manager.RoleList[i].Privilege = privileges
			return nil
		}
	}
	manager.RoleList = append(manager.RoleList, types.AuthorizationRole{
		RoleId: w.access.roleID(), Name: p.Name, Privilege: privileges,
		Info: &types.Description{Label: p.Name, Summary: p.Name},
	})
	return nil
}

func (w *World) role(name string) (int32, error) {
	var known []string
	for _, role := range w.authorization().RoleList {
		if role.Name == name {
			return role.RoleId, nil
		}
		known = append(known, role.Name)
	}
	return 0, fmt.Errorf("no role %q among %s", name, strings.Join(known, ", "))
}

func opRemoveRole(w *World, ctx *simulator.Context, p roleParams) error {
	id, err := w.role(p.Name)
	if err != nil {
		return err
	}
	_, err = w.call(ctx, w.authorization(), "RemoveAuthorizationRole", &types.RemoveAuthorizationRole{RoleId: id})
	return err
}

type grantParams struct {
	// Entity is the root folder unless said otherwise.
	Entity    *Selector `json:"entity"`
	Principal string    `json:"principal"`
	Group     bool      `json:"group"`
	Role      string    `json:"role"`
	Propagate *bool     `json:"propagate"`
}

func (w *World) entities(s *Selector) ([]mo.Reference, error) {
	if s == nil {
		return []mo.Reference{w.registry.Get(w.root())}, nil
	}
	return w.some("ManagedEntity", s)
}

func opGrant(w *World, ctx *simulator.Context, p grantParams) error {
	id, err := w.role(p.Role)
	if err != nil {
		return err
	}
	if p.Principal == "" {
		return fmt.Errorf("\"principal\" is missing")
	}
	targets, err := w.entities(p.Entity)
	if err != nil {
		return err
	}
	for _, target := range targets {
		ref := target.Reference()
		w.access.grant(types.Permission{
			Entity: &ref, Principal: p.Principal, Group: p.Group, RoleId: id, Propagate: p.Propagate == nil || *p.Propagate,
		})
		w.showPermissions(ctx, ref)
	}
	return nil
}

type revokeParams struct {
	Entity    *Selector `json:"entity"`
	Principal string    `json:"principal"`
	Group     bool      `json:"group"`
}

func opRevoke(w *World, ctx *simulator.Context, p revokeParams) error {
	targets, err := w.entities(p.Entity)
	if err != nil {
		return err
	}
	for _, target := range targets {
		if !w.access.revoke(target.Reference(), p.Principal, p.Group) {
			return fmt.Errorf("%s has no permission on %s", p.Principal, nameOf(target))
		}
		w.showPermissions(ctx, target.Reference())
	}
	return nil
}

type withholdParams struct {
	Type      string    `json:"type"`
	Match     *Selector `json:"match"`
	Paths     []string  `json:"paths"`
	Privilege string    `json:"privilege"`
	Explained bool      `json:"explained"`
	User      string    `json:"user"`
}

// opWithhold makes properties unreadable: they come in the missing set with NoPermission.
func opWithhold(w *World, _ *simulator.Context, p withholdParams) error {
	if len(p.Paths) == 0 {
		return fmt.Errorf("\"paths\" is missing; [\"*\"] means all")
	}
	if p.Privilege == "" {
		p.Privilege = "System.Read"
	}
	targets, err := w.some(p.Type, p.Match)
	if err != nil {
		return err
	}
	for _, target := range targets {
		for _, path := range p.Paths {
			w.withheld.add(target.Reference(), withholding{
				path: path, privilege: p.Privilege, explained: p.Explained, only: p.User,
			})
		}
	}
	return nil
}

type matchParams struct {
	Type  string    `json:"type"`
	Match *Selector `json:"match"`
}

// opDisclose ends all withholding from the objects.
func opDisclose(w *World, _ *simulator.Context, p matchParams) error {
	targets, err := w.some(p.Type, p.Match)
	if err != nil {
		return err
	}
	for _, target := range targets {
		w.withheld.forget(target.Reference())
	}
	return nil
}

// --- the vCenter itself

type clockParams struct {
	OffsetSeconds float64 `json:"offset_seconds"`
	// Host sets a host's own error on top of the vCenter's.
	Host *Selector `json:"host"`
}

func opClock(w *World, _ *simulator.Context, p clockParams) error {
	offset := time.Duration(p.OffsetSeconds * float64(time.Second))
	if p.Host == nil {
		w.clock.set(offset)
		return nil
	}
	hosts, err := w.some("HostSystem", p.Host)
	if err != nil {
		return err
	}
	for _, host := range hosts {
		system := w.registry.Get(*host.(*simulator.HostSystem).ConfigManager.DateTimeSystem).(*HostDateTimeSystem)
		system.skew = offset
	}
	return nil
}

type nothing struct{}

func opExpireSessions(w *World, ctx *simulator.Context, _ nothing) error {
	manager := w.registry.SessionManager()
	var ids []string
	for _, session := range w.sessions() {
		ids = append(ids, session.Key)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := w.call(ctx, manager, "TerminateSession", &types.TerminateSession{This: manager.Self, SessionId: ids})
	return err
}

// sessions lists who is logged in.
func (w *World) sessions() []types.UserSession {
	ctx := w.actor("vcsim")
	view := ctx.Session.Get(w.registry.SessionManager().Self).(*simulator.SessionManager)
	var found []types.UserSession
	for _, session := range view.SessionList {
		if session.Key != ctx.Session.Key {
			found = append(found, session)
		}
	}
	return found
}
