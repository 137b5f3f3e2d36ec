package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// withholding is a property an account cannot read although it sees the object.
type withholding struct {
	path      string
	privilege string
	// explained says that FetchUserPrivilegeOnEntities admits to the missing privilege.
	explained bool
	// only limits it to one account; empty means all.
	only string
}

type withheld struct {
	mu    sync.RWMutex
	rules map[types.ManagedObjectReference][]withholding
}

func (h *withheld) add(ref types.ManagedObjectReference, rule withholding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rules == nil {
		h.rules = map[types.ManagedObjectReference][]withholding{}
	}
	h.rules[ref] = append(h.rules[ref], rule)
}

func (h *withheld) forget(ref types.ManagedObjectReference) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.rules, ref)
}

// refuses returns the privilege that reading a property of the object would need.
func (h *withheld) refuses(ref types.ManagedObjectReference, user, path string) (string, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, rule := range h.rules[ref] {
		if rule.only != "" && principal(rule.only) != principal(user) {
			continue
		}
		if rule.path == "*" || path == rule.path || strings.HasPrefix(path, rule.path+".") || strings.HasPrefix(rule.path, path+".") {
			return rule.privilege, true
		}
	}
	return "", false
}

// admits says whether a rule confesses that the privilege is missing on the object.
func (h *withheld) admits(ref types.ManagedObjectReference, user, privilege string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, rule := range h.rules[ref] {
		if rule.explained && rule.privilege == privilege && (rule.only == "" || principal(rule.only) == principal(user)) {
			return true
		}
	}
	return false
}

func (h *withheld) lessen(ref types.ManagedObjectReference, user string, privileges []string) []string {
	var kept []string
	for _, p := range privileges {
		if !h.admits(ref, user, p) {
			kept = append(kept, p)
		}
	}
	return kept
}

// watched remembers which property paths anyone has a filter on, to notify them of changes further up.
type watched struct {
	mu    sync.Mutex
	paths map[string]bool
}

func (x *watched) add(specs []types.PropertySpec) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.paths == nil {
		x.paths = map[string]bool{}
	}
	for _, spec := range specs {
		for _, p := range spec.PathSet {
			x.paths[p] = true
		}
	}
}

func (x *watched) below(paths []string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var found []string
	for p := range x.paths {
		for _, above := range paths {
			above, _, _ = strings.Cut(above, "[")
			if strings.HasPrefix(p, above+".") {
				found = append(found, p)
			}
		}
	}
	return found
}

// theWorld is where a PropertyCollector finds permissions: the simulator makes one per session by
// reflection, so it cannot be handed anything.
var theWorld *World

// PropertyCollector withholds what the account may not read, and clears unset properties from every page
// (the simulator clears them from the first one only).
type PropertyCollector struct {
	simulator.PropertyCollector
}

func (pc *PropertyCollector) RetrievePropertiesEx(ctx *simulator.Context, req *types.RetrievePropertiesEx) soap.HasFault {
	answer := pc.PropertyCollector.RetrievePropertiesEx(ctx, req)
	if body := answer.(*methods.RetrievePropertiesExBody); body.Res != nil && body.Res.Returnval != nil {
		body.Res.Returnval.Objects = theWorld.readable(ctx, body.Res.Returnval.Objects, req.SpecSet)
	}
	return answer
}

func (pc *PropertyCollector) ContinueRetrievePropertiesEx(ctx *simulator.Context, req *types.ContinueRetrievePropertiesEx) soap.HasFault {
	answer := pc.PropertyCollector.ContinueRetrievePropertiesEx(ctx, req)
	if body := answer.(*methods.ContinueRetrievePropertiesExBody); body.Res != nil {
		body.Res.Returnval.Objects = theWorld.readable(ctx, body.Res.Returnval.Objects, nil)
	}
	return answer
}

func (pc *PropertyCollector) RetrieveProperties(ctx *simulator.Context, req *types.RetrieveProperties) soap.HasFault {
	body := new(methods.RetrievePropertiesBody)
	answer := pc.RetrievePropertiesEx(ctx, &types.RetrievePropertiesEx{This: req.This, SpecSet: req.SpecSet})
	if body.Fault_ = answer.Fault(); body.Fault_ == nil {
		body.Res = &types.RetrievePropertiesResponse{
			Returnval: answer.(*methods.RetrievePropertiesExBody).Res.Returnval.Objects,
		}
	}
	return body
}

// CancelRetrievePropertiesEx is missing from the simulator.
func (pc *PropertyCollector) CancelRetrievePropertiesEx(ctx *simulator.Context, req *types.CancelRetrievePropertiesEx) soap.HasFault {
	answer := pc.PropertyCollector.ContinueRetrievePropertiesEx(ctx, &types.ContinueRetrievePropertiesEx{This: req.This, Token: req.Token})
	body := new(methods.CancelRetrievePropertiesExBody)
	for {
		if body.Fault_ = answer.Fault(); body.Fault_ != nil {
			return body
		}
		next := answer.(*methods.ContinueRetrievePropertiesExBody).Res.Returnval.Token
		if next == "" {
			break
		}
		answer = pc.PropertyCollector.ContinueRetrievePropertiesEx(ctx, &types.ContinueRetrievePropertiesEx{This: req.This, Token: next})
	}
	body.Res = new(types.CancelRetrievePropertiesExResponse)
	return body
}

func (pc *PropertyCollector) CreatePropertyCollector(ctx *simulator.Context, _ *types.CreatePropertyCollector) soap.HasFault {
	return &methods.CreatePropertyCollectorBody{
		Res: &types.CreatePropertyCollectorResponse{Returnval: ctx.Session.Put(new(PropertyCollector)).Reference()},
	}
}

func (pc *PropertyCollector) CreateFilter(ctx *simulator.Context, req *types.CreateFilter) soap.HasFault {
	theWorld.watched.add(req.Spec.PropSet)
	return pc.PropertyCollector.CreateFilter(ctx, req)
}

func (pc *PropertyCollector) WaitForUpdatesEx(ctx *simulator.Context, req *types.WaitForUpdatesEx) soap.HasFault {
	answer := pc.PropertyCollector.WaitForUpdatesEx(ctx, req)
	body := answer.(*methods.WaitForUpdatesExBody)
	if body.Res == nil || body.Res.Returnval == nil || ctx.Session == nil {
		return answer
	}
	user := ctx.Session.UserName
	for i := range body.Res.Returnval.FilterSet {
		set := &body.Res.Returnval.FilterSet[i]
		for j := range set.ObjectSet {
			o := &set.ObjectSet[j]
			var kept []types.PropertyChange
			readsAny := theWorld.readsAny(o.Obj, user)
			for _, change := range o.ChangeSet {
				if privilege, refused := theWorld.refuses(o.Obj, user, change.Name, readsAny); refused {
					o.MissingSet = append(o.MissingSet, missing(o.Obj, change.Name, privilege))
				} else {
					kept = append(kept, change)
				}
			}
			o.ChangeSet = kept
		}
	}
	return answer
}

func missing(ref types.ManagedObjectReference, path, privilege string) types.MissingProperty {
	return types.MissingProperty{
		Path: path,
		Fault: types.LocalizedMethodFault{
			Fault:            &types.NoPermission{Object: &ref, PrivilegeId: privilege},
			LocalizedMessage: "Permission to perform this operation was denied.",
		},
	}
}

// refuses says which privilege a user lacks to read a property. An explained withholding takes single
// properties; that the whole object is unreadable, permissions decide (readsAny).
func (w *World) refuses(ref types.ManagedObjectReference, user, path string, readsAny bool) (string, bool) {
	if privilege, refused := w.withheld.refuses(ref, user, path); refused {
		return privilege, true
	}
	if ref.Type == "SessionManager" && strings.HasPrefix(path, "sessionList") {
		return "Sessions.TerminateSession", !w.may(w.root(), user, "Sessions.TerminateSession")
	}
	return "System.Read", !readsAny
}

func (w *World) readsAny(ref types.ManagedObjectReference, user string) bool {
	return !w.isEntity(ref) || w.allowed(ref, user, "System.Read")
}

// readable drops objects the account cannot see and moves what it cannot read to the missing set.
func (w *World) readable(ctx *simulator.Context, objects []types.ObjectContent, specs []types.PropertyFilterSpec) []types.ObjectContent {
	if ctx.Session == nil {
		return objects
	}
	user := ctx.Session.UserName
	kept := objects[:0:0]
	for _, o := range objects {
		if w.isEntity(o.Obj) && !w.may(o.Obj, user, "System.View") {
			continue
		}
		done := map[string]bool{}
		for _, m := range o.MissingSet {
			done[m.Path] = true
		}
		var values []types.DynamicProperty
		readsAny := w.readsAny(o.Obj, user)
		refuse := func(path string) bool {
			privilege, refused := w.refuses(o.Obj, user, path, readsAny)
			if refused && !done[path] {
				done[path] = true
				o.MissingSet = append(o.MissingSet, missing(o.Obj, path, privilege))
			}
			return refused
		}
		for _, p := range o.PropSet {
			if refuse(p.Name) || p.Val == nil {
				continue
			}
			if refs, ok := p.Val.(types.ArrayOfManagedObjectReference); ok {
				p.Val = types.ArrayOfManagedObjectReference{ManagedObjectReference: w.visible(refs.ManagedObjectReference, user)}
			} else if refs, ok := p.Val.(*types.ArrayOfManagedObjectReference); ok {
				p.Val = &types.ArrayOfManagedObjectReference{ManagedObjectReference: w.visible(refs.ManagedObjectReference, user)}
			}
			if o.Obj.Type == "Datastore" {
				p.Val = w.presentable(o.Obj, p.Val)
			}
			values = append(values, p)
		}
		// What is withheld is reported even where it is unset, and the first page has lost the unset ones.
		for _, path := range askedOf(w.registry.Get(o.Obj), o.Obj.Type, specs) {
			refuse(path)
		}
		o.PropSet = values
		kept = append(kept, o)
	}
	return kept
}

func (w *World) visible(refs []types.ManagedObjectReference, user string) []types.ManagedObjectReference {
	var kept []types.ManagedObjectReference
	for _, ref := range refs {
		if !w.isEntity(ref) || w.may(ref, user, "System.View") {
			kept = append(kept, ref)
		}
	}
	return kept
}

func askedOf(obj mo.Reference, kind string, specs []types.PropertyFilterSpec) []string {
	var asked []string
	for _, spec := range specs {
		for _, p := range spec.PropSet {
			if p.Type == kind || obj != nil && isA(obj, p.Type) {
				asked = append(asked, p.PathSet...)
			}
		}
	}
	return asked
}

// presentable replaces the directory a datastore lives in here by the address a real one would have.
func (w *World) presentable(ref types.ManagedObjectReference, value any) any {
	url := "ds:///vmfs/volumes/" + w.uuidFor("datastore", ref.Value) + "/"
	local := func(s string) bool { return s != "" && filepath.IsAbs(s) && strings.HasPrefix(s, w.home) }
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() && v.Elem().Kind() != reflect.String {
				walk(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.String:
			if v.CanSet() && local(v.String()) {
				v.SetString(url)
			}
		}
	}
	if s, ok := value.(string); ok {
		if local(s) {
			return url
		}
		return value
	}
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Struct {
		fresh := reflect.New(v.Type())
		fresh.Elem().Set(v)
		walk(fresh)
		return fresh.Elem().Interface()
	}
	walk(v)
	return value
}
