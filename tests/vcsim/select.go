package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// Selector names objects. In JSON it is an exact name, or an object with any of these keys, which must all agree.
type Selector struct {
	Type string `json:"type,omitempty"`
	// Name is a regular expression for the whole name; Exact compares it literally.
	Name  string `json:"name,omitempty"`
	Exact string `json:"exact,omitempty"`
	Ref   string `json:"ref,omitempty"`
	// Path is the inventory path, such as /DC0/vm/web-01.
	Path string `json:"path,omitempty"`
	// UUID is a VM's instanceUuid or BIOS uuid, or a host's hardware uuid.
	UUID string `json:"uuid,omitempty"`
}

func (s *Selector) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &s.Exact)
	}
	type plain Selector
	return strictJSON(raw, (*plain)(s))
}

func (s *Selector) String() string {
	type plain Selector
	raw, _ := json.Marshal((*plain)(s))
	return string(raw)
}

func strictJSON(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows the JSON document")
	}
	return nil
}

// isA says whether the object is of the vim type or of a type below it.
func isA(obj mo.Reference, kind string) bool {
	if kind == "" || obj.Reference().Type == kind {
		return true
	}
	t := managed(obj).Type()
	if t.Name() == kind {
		return true
	}
	field, ok := t.FieldByName(kind)
	return ok && field.Anonymous
}

func nameOf(obj mo.Reference) string {
	field := managed(obj).FieldByName("Name")
	if field.IsValid() && field.Kind() == reflect.String && field.Len() > 0 {
		return field.String()
	}
	if e, ok := obj.(mo.Entity); ok {
		return e.Entity().Name
	}
	return ""
}

// pathOf is the inventory path without the root folder.
func (w *World) pathOf(obj mo.Reference) string {
	e, ok := obj.(mo.Entity)
	if !ok {
		return ""
	}
	parent := e.Entity().Parent
	if parent == nil {
		return ""
	}
	above := w.registry.Get(*parent)
	if above == nil {
		return "/" + nameOf(obj)
	}
	return w.pathOf(above) + "/" + nameOf(obj)
}

func uuidsOf(obj mo.Reference) []any {
	v := managed(obj)
	switch v.Type().Name() {
	case "VirtualMachine":
		return []any{valueAt(v, "config.instanceUuid"), valueAt(v, "config.uuid")}
	case "HostSystem":
		return []any{valueAt(v, "hardware.systemInfo.uuid")}
	}
	return nil
}

// all returns the objects of a kind that the selector names, in the order of their creation. A nil selector names all.
func (w *World) all(kind string, s *Selector) ([]mo.Reference, error) {
	if s == nil {
		s = &Selector{}
	}
	if s.Type != "" {
		kind = s.Type
	}
	var pattern *regexp.Regexp
	if s.Name != "" {
		var err error
		if pattern, err = regexp.Compile(`^(?:` + s.Name + `)$`); err != nil {
			return nil, err
		}
	}
	var found []mo.Reference
	for _, obj := range w.registry.AllReference("") {
		if !isA(obj, kind) {
			continue
		}
		ref := obj.Reference()
		if s.Ref != "" && s.Ref != ref.Value {
			continue
		}
		if pattern != nil && !pattern.MatchString(nameOf(obj)) {
			continue
		}
		if s.Exact != "" && s.Exact != nameOf(obj) {
			continue
		}
		if s.Path != "" && s.Path != w.pathOf(obj) {
			continue
		}
		if s.UUID != "" {
			matches := false
			for _, id := range uuidsOf(obj) {
				matches = matches || id == s.UUID
			}
			if !matches {
				continue
			}
		}
		found = append(found, obj)
	}
	sortByReference(found)
	return found, nil
}

func (w *World) some(kind string, s *Selector) ([]mo.Reference, error) {
	found, err := w.all(kind, s)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no %s matches %s", orObject(kind), s)
	}
	return found, err
}

func (w *World) one(kind string, s *Selector) (mo.Reference, error) {
	if s == nil {
		return nil, fmt.Errorf("which %s is not said", orObject(kind))
	}
	found, err := w.some(kind, s)
	if err != nil {
		return nil, err
	}
	if len(found) > 1 {
		return nil, fmt.Errorf("%d objects match %s, one is wanted", len(found), s)
	}
	return found[0], nil
}

func orObject(kind string) string {
	if kind == "" {
		return "object"
	}
	return kind
}

// sortByReference orders host-9 before host-10, so that scenarios and uuids are the same in each run.
func sortByReference(objs []mo.Reference) {
	sort.SliceStable(objs, func(i, j int) bool { return refLess(objs[i].Reference(), objs[j].Reference()) })
}

func refLess(a, b types.ManagedObjectReference) bool {
	if a.Type != b.Type {
		return a.Type < b.Type
	}
	an, bn := trailingNumber(a.Value), trailingNumber(b.Value)
	if an != bn {
		return an < bn
	}
	return a.Value < b.Value
}

func trailingNumber(s string) int {
	n, err := strconv.Atoi(s[strings.LastIndexAny(s, "-")+1:])
	if err != nil {
		return -1
	}
	return n
}
