package main

import (
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

const (
	roleNoAccess = -5
	roleReadOnly = -2
	roleAdmin    = -1
)

type account struct {
	Username string
	Password string
	Groups   []string
}

// access knows who may log in and what they may do. The simulator itself grants everything to everyone.
type access struct {
	mu          sync.Mutex
	accounts    map[string]account
	permissions []types.Permission
	nextRole    int32
	nextUser    int
}

// principal gives DOMAIN\user and user@domain one form.
func principal(name string) string {
	name = strings.ToLower(name)
	if domain, user, ok := strings.Cut(name, `\`); ok {
		return user + "@" + domain
	}
	return name
}

func (a *access) add(one account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.accounts[principal(one.Username)] = one
}

func (a *access) valid(username, password string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.accounts[principal(username)]
	return ok && password != "" && known.Password == password
}

func (a *access) all() []types.Permission {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]types.Permission(nil), a.permissions...)
}

func samePrincipal(p types.Permission, name string, group bool) bool {
	return p.Group == group && principal(p.Principal) == principal(name)
}

func (a *access) revoke(entity types.ManagedObjectReference, name string, group bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := a.permissions[:0:0]
	for _, p := range a.permissions {
		if *p.Entity != entity || !samePrincipal(p, name, group) {
			kept = append(kept, p)
		}
	}
	removed := len(kept) != len(a.permissions)
	a.permissions = kept
	return removed
}

func (a *access) grant(p types.Permission) {
	a.revoke(*p.Entity, p.Principal, p.Group)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.permissions = append(a.permissions, p)
	sort.SliceStable(a.permissions, func(i, j int) bool {
		return refLess(*a.permissions[i].Entity, *a.permissions[j].Entity)
	})
}

// rolesOn finds the roles that decide on an entity: those of the nearest permission, a user's own before its groups'.
func (w *World) rolesOn(ref types.ManagedObjectReference, user string) []int32 {
	a := w.access
	a.mu.Lock()
	defer a.mu.Unlock()
	groups := a.accounts[principal(user)].Groups
	for at := &ref; at != nil; {
		var own, grouped []int32
		for _, p := range a.permissions {
			if *p.Entity != *at || (*at != ref && !p.Propagate) {
				continue
			}
			if samePrincipal(p, user, false) {
				own = append(own, p.RoleId)
			}
			for _, g := range groups {
				if samePrincipal(p, g, true) {
					grouped = append(grouped, p.RoleId)
				}
			}
		}
		if len(own) > 0 {
			return own
		}
		if len(grouped) > 0 {
			return grouped
		}
		e, ok := w.registry.Get(*at).(mo.Entity)
		if !ok {
			break
		}
		at = e.Entity().Parent
	}
	return nil
}

// privileges lists what a user may do with an entity, in the order of the role that grants it.
func (w *World) privileges(ref types.ManagedObjectReference, user string) []string {
	var found []string
	seen := map[string]bool{}
	for _, id := range w.rolesOn(ref, user) {
		for _, role := range w.authorization().RoleList {
			if role.RoleId != id {
				continue
			}
			for _, privilege := range role.Privilege {
				if !seen[privilege] {
					seen[privilege] = true
					found = append(found, privilege)
				}
			}
		}
	}
	return w.withheld.lessen(ref, user, found)
}

// allowed asks permissions alone; may also knows what a scenario withholds and admits to.
func (w *World) allowed(ref types.ManagedObjectReference, user, privilege string) bool {
	for _, id := range w.rolesOn(ref, user) {
		for _, role := range w.authorization().RoleList {
			if role.RoleId == id && slices.Contains(role.Privilege, privilege) {
				return true
			}
		}
	}
	return false
}

func (w *World) may(ref types.ManagedObjectReference, user, privilege string) bool {
	return !w.withheld.admits(ref, user, privilege) && w.allowed(ref, user, privilege)
}

// isEntity says whether permissions apply to the object: they do to the inventory, not to managers, views and tasks.
func (w *World) isEntity(ref types.ManagedObjectReference) bool {
	_, ok := w.registry.Get(ref).(mo.Entity)
	return ok
}

func (w *World) root() types.ManagedObjectReference {
	return w.service.Context.Map.Get(serviceInstance).(*ServiceInstance).Content.RootFolder
}

func (w *World) authorization() *AuthorizationManager {
	content := w.registry.Get(serviceInstance).(*ServiceInstance).Content
	return w.registry.Get(*content.AuthorizationManager).(*AuthorizationManager)
}

// AuthorizationManager answers from real permissions.
type AuthorizationManager struct {
	*simulator.AuthorizationManager
	world *World
}

func (m *AuthorizationManager) RetrieveAllPermissions(*types.RetrieveAllPermissions) soap.HasFault {
	return &methods.RetrieveAllPermissionsBody{
		Res: &types.RetrieveAllPermissionsResponse{Returnval: m.world.access.all()},
	}
}

func (m *AuthorizationManager) RetrieveEntityPermissions(req *types.RetrieveEntityPermissions) soap.HasFault {
	var found []types.Permission
	for at := &req.Entity; at != nil; {
		for _, p := range m.world.access.all() {
			if *p.Entity == *at && (*at == req.Entity || p.Propagate) {
				found = append(found, p)
			}
		}
		e, ok := m.world.registry.Get(*at).(mo.Entity)
		if !ok || !req.Inherited {
			break
		}
		at = e.Entity().Parent
	}
	return &methods.RetrieveEntityPermissionsBody{Res: &types.RetrieveEntityPermissionsResponse{Returnval: found}}
}

func (m *AuthorizationManager) RetrieveRolePermissions(req *types.RetrieveRolePermissions) soap.HasFault {
	var found []types.Permission
	for _, p := range m.world.access.all() {
		if p.RoleId == req.RoleId {
			found = append(found, p)
		}
	}
	return &methods.RetrieveRolePermissionsBody{Res: &types.RetrieveRolePermissionsResponse{Returnval: found}}
}

func (m *AuthorizationManager) SetEntityPermissions(ctx *simulator.Context, req *types.SetEntityPermissions) soap.HasFault {
	for _, p := range req.Permission {
		entity := req.Entity
		p.Entity = &entity
		m.world.access.grant(p)
	}
	m.world.showPermissions(ctx, req.Entity)
	return &methods.SetEntityPermissionsBody{Res: new(types.SetEntityPermissionsResponse)}
}

func (m *AuthorizationManager) RemoveEntityPermission(ctx *simulator.Context, req *types.RemoveEntityPermission) soap.HasFault {
	body := new(methods.RemoveEntityPermissionBody)
	if !m.world.access.revoke(req.Entity, req.User, req.IsGroup) {
		body.Fault_ = simulator.Fault("", &types.NotFound{})
		return body
	}
	m.world.showPermissions(ctx, req.Entity)
	body.Res = new(types.RemoveEntityPermissionResponse)
	return body
}

// showPermissions keeps an entity's own `permission` property true.
func (w *World) showPermissions(ctx *simulator.Context, ref types.ManagedObjectReference) {
	entity, ok := w.registry.Get(ref).(mo.Entity)
	if !ok {
		return
	}
	var own []types.Permission
	for _, p := range w.access.all() {
		if *p.Entity == ref {
			own = append(own, p)
		}
	}
	w.registry.WithLock(ctx, entity, func() { entity.Entity().Permission = own })
	w.changed(ctx, entity, "permission")
}

func (m *AuthorizationManager) AddAuthorizationRole(req *types.AddAuthorizationRole) soap.HasFault {
	body := new(methods.AddAuthorizationRoleBody)
	before := len(m.RoleList)
	answer := m.AuthorizationManager.AddAuthorizationRole(req)
	if answer.Fault() != nil || len(m.RoleList) == before {
		return answer
	}
	// The simulator numbers roles from 0 and forgets to say which number it gave.
	body.Res = &types.AddAuthorizationRoleResponse{Returnval: m.world.access.roleID()}
	m.RoleList[before].RoleId = body.Res.Returnval
	return body
}

func (a *access) roleID() int32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nextRole++
	return 1000 + a.nextRole
}

func (m *AuthorizationManager) available(ref types.ManagedObjectReference, user string, wanted []string) []types.PrivilegeAvailability {
	var found []types.PrivilegeAvailability
	for _, id := range wanted {
		found = append(found, types.PrivilegeAvailability{PrivId: id, IsGranted: m.world.may(ref, user, id)})
	}
	return found
}

func userOf(ctx *simulator.Context) string {
	if ctx.Session == nil {
		return ""
	}
	return ctx.Session.UserName
}

func (m *AuthorizationManager) HasPrivilegeOnEntities(ctx *simulator.Context, req *types.HasPrivilegeOnEntities) soap.HasFault {
	var found []types.EntityPrivilege
	for _, e := range req.Entity {
		found = append(found, types.EntityPrivilege{Entity: e, PrivAvailability: m.available(e, userOf(ctx), req.PrivId)})
	}
	return &methods.HasPrivilegeOnEntitiesBody{Res: &types.HasPrivilegeOnEntitiesResponse{Returnval: found}}
}

func (m *AuthorizationManager) HasPrivilegeOnEntity(ctx *simulator.Context, req *types.HasPrivilegeOnEntity) soap.HasFault {
	var found []bool
	for _, id := range req.PrivId {
		found = append(found, m.world.may(req.Entity, userOf(ctx), id))
	}
	return &methods.HasPrivilegeOnEntityBody{Res: &types.HasPrivilegeOnEntityResponse{Returnval: found}}
}

func (m *AuthorizationManager) HasUserPrivilegeOnEntities(req *types.HasUserPrivilegeOnEntities) soap.HasFault {
	var found []types.EntityPrivilege
	for _, e := range req.Entities {
		found = append(found, types.EntityPrivilege{Entity: e, PrivAvailability: m.available(e, req.UserName, req.PrivId)})
	}
	return &methods.HasUserPrivilegeOnEntitiesBody{Res: &types.HasUserPrivilegeOnEntitiesResponse{Returnval: found}}
}

func (m *AuthorizationManager) FetchUserPrivilegeOnEntities(req *types.FetchUserPrivilegeOnEntities) soap.HasFault {
	var found []types.UserPrivilegeResult
	for _, e := range req.Entities {
		found = append(found, types.UserPrivilegeResult{Entity: e, Privileges: m.world.privileges(e, req.UserName)})
	}
	return &methods.FetchUserPrivilegeOnEntitiesBody{Res: &types.FetchUserPrivilegeOnEntitiesResponse{Returnval: found}}
}

// reading lists what an account without Admin on the root may call; everything else is NoPermission.
var reading = map[string]bool{
	"CancelRetrievePropertiesEx": true, "CancelWaitForUpdates": true, "CheckForUpdates": true,
	"ContinueRetrievePropertiesEx": true, "CreateCollectorForEvents": true, "CreateCollectorForTasks": true,
	"CreateContainerView": true, "CreateFilter": true, "CreateListView": true, "CreatePropertyCollector": true,
	"CurrentTime": true, "DestroyCollector": true, "DestroyPropertyCollector": true, "DestroyPropertyFilter": true,
	"DestroyView": true, "Fetch": true, "FetchDVPorts": true, "FetchUserPrivilegeOnEntities": true,
	"FindByInventoryPath": true, "FindByUuid": true, "FindChild": true, "GetAlarm": true,
	"HasPrivilegeOnEntities": true, "HasPrivilegeOnEntity": true,
	"HasUserPrivilegeOnEntities": true, "HostImageConfigGetAcceptance": true, "Login": true, "Logout": true,
	"ModifyListView": true, "QueryDateTime": true, "QueryEvents": true, "QueryLockdownExceptions": true,
	"QueryNetworkHint": true, "QueryOptions": true, "ReadNextEvents": true, "ReadNextTasks": true,
	"ReadPreviousEvents": true, "ResetCollector": true, "ResetListView": true, "RetrieveAllPermissions": true,
	"RetrieveEntityPermissions": true, "RetrieveInternalContent": true, "RetrieveProperties": true,
	"RetrievePropertiesEx": true, "RetrieveRolePermissions": true, "RetrieveServiceContent": true,
	"RetrieveUserGroups": true, "RewindCollector": true, "SessionIsActive": true, "SetCollectorPageSize": true,
	"TestTimeService": true, "WaitForUpdates": true, "WaitForUpdatesEx": true,
}

// guard refuses what an account may not do. It is the registry's hook and sees each call first.
func (w *World) guard(ctx *simulator.Context, method *simulator.Method) (mo.Reference, types.BaseMethodFault) {
	switch request := method.Body.(type) {
	case *types.CreateCollectorForEvents:
		w.withoutForgotten(&request.Filter)
	case *types.QueryEvents:
		w.withoutForgotten(&request.Filter)
	}
	user := userOf(ctx)
	if user == "" || reading[method.Name] {
		return nil, nil
	}
	for _, id := range w.rolesOn(w.root(), user) {
		if id == roleAdmin {
			return nil, nil
		}
	}
	this := method.This
	return nil, &types.NoPermission{Object: &this, PrivilegeId: "System.Modify"}
}
