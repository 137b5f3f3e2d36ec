package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"sync"
)

// calls counts SOAP methods as they arrive.
type calls struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *calls) count(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[method]++
}

func (c *calls) snapshot() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]int, len(c.counts))
	for k, v := range c.counts {
		out[k] = v
	}
	return out
}

func (c *calls) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts = map[string]int{}
}

// counting wraps the SDK handler.
func (c *calls) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if err != nil {
				http.Error(rw, err.Error(), http.StatusBadRequest)
				return
			}
			c.count(soapMethod(body))
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(rw, r)
	})
}

// soapMethod is the name of the first element in the body.
func soapMethod(envelope []byte) string {
	d := xml.NewDecoder(bytes.NewReader(envelope))
	inBody := false
	for {
		token, err := d.RawToken()
		if err != nil {
			return "?"
		}
		if start, ok := token.(xml.StartElement); ok {
			if inBody {
				return start.Name.Local
			}
			inBody = start.Name.Local == "Body"
		}
	}
}

// control is the plain HTTP server that tests steer the simulator with.
func (w *World) control(counted *calls) http.Handler {
	mux := http.NewServeMux()
	change := func(do func(raw []byte) error) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			raw, err := io.ReadAll(r.Body)
			if err == nil {
				err = do(raw)
			}
			rw.Header().Set("Content-Type", "application/json")
			if err != nil {
				rw.WriteHeader(http.StatusUnprocessableEntity)
				_, _ = rw.Write(marshal(map[string]string{"error": err.Error()}))
				return
			}
			_, _ = rw.Write([]byte("{}"))
		}
	}
	show := func(get func() any) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = rw.Write(marshal(get()))
		}
	}
	mux.HandleFunc("POST /scenario", change(w.apply))
	mux.HandleFunc("POST /faults", change(w.injectFaults))
	mux.HandleFunc("POST /clock", change(func(raw []byte) error {
		var p clockParams
		if err := strictJSON(raw, &p); err != nil {
			return err
		}
		return opClock(w, w.actor("vcsim"), p)
	}))
	mux.HandleFunc("GET /sessions", show(func() any {
		open := w.sessions()
		users := []string{}
		for _, s := range open {
			users = append(users, s.UserName)
		}
		return map[string]any{"count": len(open), "users": users}
	}))
	mux.HandleFunc("GET /calls", show(func() any { return counted.snapshot() }))
	mux.HandleFunc("DELETE /calls", change(func([]byte) error { counted.reset(); return nil }))
	mux.HandleFunc("GET /operations", show(func() any { return sortedKeys(operations) }))
	return mux
}
