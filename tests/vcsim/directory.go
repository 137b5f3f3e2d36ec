package main

import (
	"sort"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type member struct {
	name, fullName string
	group          bool
}

// UserDirectory knows groups and their members, and tells them to whoever may change a permission somewhere,
// as vCenter does. The simulator's own ignores groups.
type UserDirectory struct {
	*simulator.UserDirectory
	world  *World
	groups map[string][]member
}

func (w *World) directory() *UserDirectory {
	return w.registry.Get(*w.content().UserDirectory).(*UserDirectory)
}

func (d *UserDirectory) RetrieveUserGroups(ctx *simulator.Context, req *types.RetrieveUserGroups) soap.HasFault {
	body := new(methods.RetrieveUserGroupsBody)
	const privilege = "Authorization.ModifyPermissions"
	if !d.world.mayAnywhere(userOf(ctx), privilege) {
		root := d.world.root()
		body.Fault_ = simulator.Fault("", &types.NoPermission{Object: &root, PrivilegeId: privilege})
		return body
	}
	if req.BelongsToGroup == "" {
		return d.UserDirectory.RetrieveUserGroups(req)
	}
	group := req.BelongsToGroup
	if req.Domain != "" && !strings.ContainsAny(group, `\@`) {
		group = req.Domain + `\` + group
	}
	members, known := d.groups[principal(group)]
	if !known {
		body.Fault_ = simulator.Fault("", &types.NotFound{})
		return body
	}
	body.Res = new(types.RetrieveUserGroupsResponse)
	for _, m := range members {
		if m.group && req.FindGroups || !m.group && req.FindUsers {
			// Whoever is of the domain that was asked about comes without its name.
			login := m.name
			if domain, rest, ok := strings.Cut(login, `\`); ok && strings.EqualFold(domain, req.Domain) {
				login = rest
			}
			body.Res.Returnval = append(body.Res.Returnval, &types.UserSearchResult{
				Principal: login, FullName: m.fullName, Group: m.group,
			})
		}
	}
	return body
}

// mayAnywhere says whether a user holds a privilege on any object that has permissions.
func (w *World) mayAnywhere(user, privilege string) bool {
	for _, p := range w.access.all() {
		if w.allowed(*p.Entity, user, privilege) {
			return true
		}
	}
	return false
}

type groupParams struct {
	Name string `json:"name"`
	// Users are names with full names.
	Users  map[string]string `json:"users"`
	Groups []string          `json:"groups"`
}

// opGroup makes a group known to the directory, or replaces its members.
func opGroup(w *World, _ *simulator.Context, p groupParams) error {
	var members []member
	for _, name := range sortedKeys(p.Users) {
		members = append(members, member{name: name, fullName: p.Users[name]})
	}
	sort.Strings(p.Groups)
	for _, name := range p.Groups {
		members = append(members, member{name: name, group: true})
	}
	w.directory().groups[principal(p.Name)] = members
	return nil
}

// opForgetGroup makes a group one that the directory does not know.
func opForgetGroup(w *World, _ *simulator.Context, p groupParams) error {
	delete(w.directory().groups, principal(p.Name))
	return nil
}
