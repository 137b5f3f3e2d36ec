package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/vmware/govmomi/simulator"
	vapi "github.com/vmware/govmomi/vapi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

const tagging = "/rest/com/vmware/cis/tagging/"

// makeREST makes the REST interface, where tags live; who may log in is decided as for SOAP.
func (w *World) makeREST(address *url.URL) {
	_, w.rest = vapi.New(address, w.registry)
	w.tags, w.libraries = map[string]string{}, map[string]string{}
}

// withREST serves the REST interface beside SOAP, and fails its calls when a scenario says so.
func (w *World) withREST(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if !strings.HasPrefix(in.URL.Path, "/rest/") {
			next.ServeHTTP(out, in)
		} else if status := w.restStatus.Load(); status != 0 && strings.HasPrefix(in.URL.Path, w.restBelow) {
			http.Error(out, http.StatusText(int(status)), int(status))
		} else {
			w.rest.ServeHTTP(out, in)
		}
	})
}

type restParams struct {
	Status int32  `json:"status"`
	Below  string `json:"below"`
}

// opRest lets every REST call end with an HTTP status, or those below a path; 0 ends that.
func opRest(w *World, _ *simulator.Context, p restParams) error {
	w.restStatus.Store(0)
	w.restBelow = p.Below
	w.restStatus.Store(p.Status)
	return nil
}

type tagParams struct {
	Target   *Selector `json:"target"`
	Category string    `json:"category"`
	Name     string    `json:"name"`
}

// opTag attaches a tag, which it makes with its category when there is none.
func opTag(w *World, _ *simulator.Context, p tagParams) error {
	if p.Target == nil || p.Category == "" || p.Name == "" {
		return fmt.Errorf("\"target\", \"category\" and \"name\" are wanted")
	}
	targets, err := w.some("ManagedEntity", p.Target)
	if err != nil {
		return err
	}
	category, err := w.madeOnce("category "+p.Category, "category", map[string]any{
		"name": p.Category, "description": "", "cardinality": "MULTIPLE", "associable_types": []string{},
	})
	if err != nil {
		return err
	}
	tag, err := w.madeOnce("tag "+p.Category+"\x00"+p.Name, "tag", map[string]any{
		"name": p.Name, "description": "", "category_id": category,
	})
	if err != nil {
		return err
	}
	for _, target := range targets {
		if err := w.attach(tag, target.Reference(), "attach"); err != nil {
			return err
		}
	}
	return nil
}

// opUntag takes a tag away from what carries it.
func opUntag(w *World, _ *simulator.Context, p tagParams) error {
	tag, ok := w.tags["tag "+p.Category+"\x00"+p.Name]
	if !ok || p.Target == nil {
		return fmt.Errorf("\"target\", and \"category\" and \"name\" of a tag are wanted")
	}
	targets, err := w.some("ManagedEntity", p.Target)
	if err != nil {
		return err
	}
	for _, target := range targets {
		if err := w.attach(tag, target.Reference(), "detach"); err != nil {
			return err
		}
	}
	return nil
}

// attach changes what a tag is attached to; the action may be to detach it.
func (w *World) attach(tag string, ref types.ManagedObjectReference, action string) error {
	_, err := w.restCall("tag-association/id:"+tag+"?~action="+action, map[string]any{
		"object_id": map[string]string{"id": ref.Value, "type": ref.Type},
	})
	return err
}

func (w *World) madeOnce(key, path string, spec map[string]any) (string, error) {
	if id, ok := w.tags[key]; ok {
		return id, nil
	}
	id, err := w.restCall(path, map[string]any{"create_spec": spec})
	if err == nil {
		w.tags[key] = id
	}
	return id, err
}

// restCall asks about tags as the machine itself does, and returns the value of the answer if it is text.
func (w *World) restCall(path string, body any) (string, error) {
	return w.restAsk(http.MethodPost, tagging+path, body)
}

func (w *World) restAsk(method, path string, body any) (string, error) {
	session, err := w.restSend(http.MethodPost, "/rest/com/vmware/cis/session", "", nil)
	if err != nil {
		return "", err
	}
	return w.restSend(method, path, session, body)
}

func (w *World) restSend(method, path, session string, body any) (string, error) {
	answer, err := w.restRaw(method, path, session, body)
	if err != nil {
		return "", err
	}
	var read struct {
		Value any `json:"value"`
	}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &read); err != nil {
			return "", err
		}
	}
	value, _ := read.Value.(string)
	return value, nil
}

// restBody asks like restAsk, and returns the whole answer.
func (w *World) restBody(method, path string, body any) ([]byte, error) {
	session, err := w.restSend(http.MethodPost, "/rest/com/vmware/cis/session", "", nil)
	if err != nil {
		return nil, err
	}
	return w.restRaw(method, path, session, body)
}

func (w *World) restRaw(method, path, session string, body any) ([]byte, error) {
	sent, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request := httptest.NewRequest(method, path, bytes.NewReader(sent))
	request.Header.Set("Authorization", "SIGN vcsim") // the simulator takes any token of this kind
	if session != "" {
		request.Header.Set("vmware-api-session-id", session)
	}
	answer := httptest.NewRecorder()
	w.rest.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		return nil, fmt.Errorf("%s: %d %s", path, answer.Code, answer.Body)
	}
	return answer.Body.Bytes(), nil
}
