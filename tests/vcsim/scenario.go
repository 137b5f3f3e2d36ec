package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
)

// Scenario changes the world: first the ops in their order, then the settings in theirs.
type Scenario struct {
	Comment any               `json:"comment,omitempty"`
	Ops     []json.RawMessage `json:"ops,omitempty"`
	Set     []Setting         `json:"set,omitempty"`
}

// Setting gives properties of all matching objects new values.
type Setting struct {
	Type   string         `json:"type"`
	Match  *Selector      `json:"match,omitempty"`
	Values map[string]any `json:"values"`
	// AllowNone lets a setting match nothing; otherwise that is an error.
	AllowNone bool `json:"allow_none,omitempty"`
}

// operation is one kind of op: params is a struct of its own, apply does it.
type operation func(w *World, ctx *simulator.Context, raw json.RawMessage) error

// op reads the parameters strictly, so that a misspelt one is an error.
func op[P any](apply func(w *World, ctx *simulator.Context, p P) error) operation {
	return func(w *World, ctx *simulator.Context, raw json.RawMessage) error {
		var p P
		if err := strictJSON(raw, &p); err != nil {
			return err
		}
		return apply(w, ctx, p)
	}
}

// apply runs a scenario, stopping at the first entry that cannot be done and saying which.
func (w *World) apply(raw []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var scenario Scenario
	if err := strictJSON(raw, &scenario); err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	for i, entry := range scenario.Ops {
		if err := w.do(entry); err != nil {
			return fmt.Errorf("ops[%d] %s: %w", i, brief(entry), err)
		}
	}
	for i, setting := range scenario.Set {
		if err := w.set(w.actor("vcsim"), setting); err != nil {
			return fmt.Errorf("set[%d] (%s %s): %w", i, setting.Type, setting.Match, err)
		}
	}
	return nil
}

func (w *World) do(entry json.RawMessage) (err error) {
	defer func() {
		if cause := recover(); cause != nil { // the simulator panics on what it does not expect
			err = fmt.Errorf("the simulator failed: %v", cause)
		}
	}()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(entry, &fields); err != nil {
		return err
	}
	var name, user string
	if err := json.Unmarshal(fields["op"], &name); err != nil {
		return fmt.Errorf("\"op\" is missing")
	}
	user = `VSPHERE.LOCAL\Administrator`
	if raw, ok := fields["as"]; ok {
		if err := json.Unmarshal(raw, &user); err != nil {
			return err
		}
	}
	delete(fields, "op")
	delete(fields, "as")
	delete(fields, "comment")
	apply, ok := operations[name]
	if !ok {
		return fmt.Errorf("no such op")
	}
	rest, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return apply(w, w.actor(user), rest)
}

func (w *World) set(ctx *simulator.Context, s Setting) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the simulator failed: %v", cause)
		}
	}()
	if s.Type == "" && (s.Match == nil || s.Match.Type == "") {
		return fmt.Errorf("\"type\" is missing")
	}
	if len(s.Values) == 0 {
		return errNothing
	}
	targets, err := w.some(s.Type, s.Match)
	if err != nil {
		if s.AllowNone && len(targets) == 0 {
			return nil
		}
		return err
	}
	for _, target := range targets {
		if err := w.write(ctx, target, s.Values); err != nil {
			return fmt.Errorf("%s: %w", target.Reference().Value, err)
		}
	}
	return nil
}

// write sets properties of one object, keeps what mirrors them true and tells those who wait for updates.
func (w *World) write(ctx *simulator.Context, target mo.Reference, values map[string]any) error {
	paths := sortedKeys(values)
	var failure error
	w.registry.WithLock(ctx, target, func() {
		for _, p := range paths {
			if _, isHost := target.(*simulator.HostSystem); isHost {
				// summary.runtime is runtime itself; write through to the original
				if q, ok := strings.CutPrefix(p, "summary.runtime."); ok {
					values["runtime."+q] = values[p]
					p = "runtime." + q
				}
			}
			steps, err := parsePath(p)
			if err == nil {
				err = w.assign(managed(target), steps, values[p], p)
			}
			if err != nil {
				failure = err
				return
			}
		}
		w.mirror(target, paths)
	})
	if failure != nil {
		return failure
	}
	w.changed(ctx, target, paths...)
	return nil
}

// mirror keeps the copies of a value that a real vCenter derives.
func (w *World) mirror(target mo.Reference, paths []string) {
	switch x := target.(type) {
	case *simulator.HostSystem:
		w.mirrorHost(x)
	case *simulator.VirtualMachine:
		for _, p := range paths {
			if strings.HasPrefix(p, "runtime") {
				x.Summary.Runtime = x.Runtime
			}
			if p == "name" && x.Config != nil {
				x.Config.Name, x.Summary.Config.Name = x.Name, x.Name
			}
			if p == "config.name" {
				x.Name, x.Summary.Config.Name = x.Config.Name, x.Config.Name
			}
		}
		if x.Config != nil {
			x.Summary.Config.Template = x.Config.Template
			x.Summary.Config.Uuid = x.Config.Uuid
			x.Summary.Config.InstanceUuid = x.Config.InstanceUuid
			x.Summary.Config.Annotation = x.Config.Annotation
		}
	case *simulator.DistributedVirtualPortgroup:
		if managed(x).FieldByName("Name").String() != x.Config.Name {
			for _, p := range paths {
				if p == "config.name" {
					x.Name, x.Entity().Name = x.Config.Name, x.Config.Name
				}
				if p == "name" {
					x.Config.Name, x.Entity().Name = x.Name, x.Name
				}
			}
		}
	}
}
