package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// World is one simulated vCenter: the simulator, and what this program adds to it.
type World struct {
	model    *simulator.Model
	service  *simulator.Service
	registry *simulator.Registry
	home     string
	seed     string

	// mu lets one scenario run at a time.
	mu sync.Mutex

	access   *access
	withheld withheld
	// rest answers the REST interface; tags are the ids it gave, and restStatus what every call ends with.
	rest       http.Handler
	restBelow  string
	libraries  map[string]string // name → id
	tags       map[string]string
	restStatus atomic.Int32
	clock      clock
	// forgotten is until when events are purged.
	forgotten atomic.Pointer[time.Time]
	watched   watched
	made      map[string]int
}

// actor is a context that acts in the name of a user; events carry that name.
func (w *World) actor(user string) *simulator.Context {
	ctx := *w.service.Context
	ctx.Context = context.Background()
	ctx.Session = &simulator.Session{
		UserSession: types.UserSession{Key: uuid.NewString(), UserName: user},
		Registry:    simulator.NewRegistry(),
		Map:         w.registry,
	}
	return &ctx
}

// uuidFor is the same for the same seed and words, so that a recorded estate can be made again.
func (w *World) uuidFor(words ...string) string {
	name := strings.Join(append([]string{w.seed}, words...), "\x00")
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)).String()
}

// macFor gives an address from the range vCenter assigns from.
func (w *World) macFor(words ...string) string {
	id := uuid.MustParse(w.uuidFor(append([]string{"mac"}, words...)...))
	return fmt.Sprintf("00:50:56:%02x:%02x:%02x", id[0]&0x3f|0x80, id[1], id[2])
}

// fresh numbers the things of one name, so that two VMs of the same name get different uuids.
func (w *World) fresh(words ...string) string {
	name := strings.Join(words, "\x00")
	w.made[name]++
	if n := w.made[name]; n > 1 {
		return fmt.Sprintf("%s#%d", words[len(words)-1], n)
	}
	return words[len(words)-1]
}

// call runs a method of a simulator object as a client would, waits for its task and returns the result.
func (w *World) call(ctx *simulator.Context, obj mo.Reference, method string, request any) (any, error) {
	name := method
	if strings.HasSuffix(name, "_Task") {
		name = strings.TrimSuffix(name, "_Task") + "Task"
	}
	m := reflect.ValueOf(obj).MethodByName(upperFirst(name))
	if !m.IsValid() {
		return nil, fmt.Errorf("the simulator has no %s for %s", method, obj.Reference().Type)
	}
	args := []reflect.Value{reflect.ValueOf(request)}
	if m.Type().NumIn() == 2 {
		args = append([]reflect.Value{reflect.ValueOf(ctx)}, args...)
	}
	var answer soap.HasFault
	w.registry.WithLock(ctx, obj, func() {
		answer = m.Call(args)[0].Interface().(soap.HasFault)
	})
	if fault := answer.Fault(); fault != nil {
		return nil, faultError(method, fault.VimFault(), fault.String)
	}
	res := reflect.ValueOf(answer).Elem().FieldByName("Res").Elem()
	result := res.FieldByName("Returnval")
	if !result.IsValid() {
		return nil, nil
	}
	ref, isReference := result.Interface().(types.ManagedObjectReference)
	if !isReference || ref.Type != "Task" {
		return result.Interface(), nil
	}
	return w.await(ref)
}

func (w *World) await(ref types.ManagedObjectReference) (any, error) {
	task, ok := w.registry.Get(ref).(*simulator.Task)
	if !ok {
		return nil, fmt.Errorf("no task %s", ref.Value)
	}
	// Task.Wait looks every 10 ms; a large estate is built from thousands of tasks of less.
	pause := 50 * time.Microsecond
	waiter := &simulator.Context{}
	for {
		var info types.TaskInfo
		w.registry.WithLock(waiter, task, func() { info = task.Info })
		switch info.State {
		case types.TaskInfoStateSuccess:
			return info.Result, nil
		case types.TaskInfoStateError:
			return nil, faultError(info.Name, info.Error.Fault, "")
		}
		time.Sleep(pause)
		if pause < 5*time.Millisecond {
			pause *= 2
		}
	}
}

func faultError(method string, fault any, message string) error {
	raw, _ := json.Marshal(fault)
	return fmt.Errorf("%s: %s %s %s", method, strings.TrimPrefix(fmt.Sprintf("%T", fault), "*types."), message, raw)
}

// changed tells those who wait for updates that properties below the paths have new values.
func (w *World) changed(ctx *simulator.Context, obj mo.Reference, paths ...string) {
	root := managed(obj)
	asked := w.watched.below(paths)
	var changes []types.PropertyChange
	for _, p := range append(paths, asked...) {
		if strings.Contains(p, "[") {
			p, _, _ = strings.Cut(p, "[")
		}
		changes = append(changes, types.PropertyChange{
			Name: p, Op: types.PropertyChangeOpAssign, Val: valueAt(root, p),
		})
	}
	// Registry.Update writes the values before it tells anyone; it gets an empty object to write
	// to, because they are in place already.
	empty := reflect.New(root.Type())
	empty.Elem().FieldByName("Self").Set(reflect.ValueOf(obj.Reference()))
	for _, change := range changes {
		func() {
			defer func() { _ = recover() }() // a path the mo package does not index: nobody can be waiting for it
			w.registry.Update(ctx, empty.Interface().(mo.Reference), []types.PropertyChange{change})
		}()
	}
}

// unload removes what the simulator left on disk.
func (w *World) unload() {
	w.model.Remove()
	_ = os.RemoveAll(w.home)
}

var errNothing = errors.New("says nothing to do")

// awaitUplinks waits for the port group that a new switch makes in a task of its own.
func (w *World) awaitUplinks(dvs *simulator.DistributedVirtualSwitch) error {
	waiter := &simulator.Context{}
	for range 2000 {
		made := 0
		w.registry.WithLock(waiter, dvs, func() { made = len(dvs.Portgroup) })
		if made > 0 {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("%s got no uplinks", dvs.Name)
}
