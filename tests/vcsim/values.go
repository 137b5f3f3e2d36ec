package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

var (
	timeType      = reflect.TypeOf(time.Time{})
	referenceType = reflect.TypeOf(types.ManagedObjectReference{})
	vimType       = types.TypeFunc()
)

// scalarTypes are the "_typeName"s for plain values of open type: {"_typeName": "int", "_value": 5}.
var scalarTypes = map[string]reflect.Type{
	"boolean":  reflect.TypeOf(false),
	"byte":     reflect.TypeOf(int8(0)),
	"dateTime": timeType,
	"double":   reflect.TypeOf(float64(0)),
	"float":    reflect.TypeOf(float32(0)),
	"int":      reflect.TypeOf(int32(0)),
	"long":     reflect.TypeOf(int64(0)),
	"short":    reflect.TypeOf(int16(0)),
	"string":   reflect.TypeOf(""),
}

// usualType names the concrete type meant when a scenario leaves "_typeName" out.
var usualType = map[string]string{
	"BaseCustomFieldValue":  "CustomFieldStringValue",
	"BaseDVPortSetting":     "VMwareDVSPortSetting",
	"BaseDVPortgroupPolicy": "VMwareDVSPortgroupPolicy",
	"BaseDVSConfigInfo":     "VMwareDVSConfigInfo",
	"BaseDVSConfigSpec":     "VMwareDVSConfigSpec",
	"BaseOptionValue":       "OptionValue",
}

// managed returns the vim25/mo struct behind a simulator object, which wraps it in its first field.
func managed(obj mo.Reference) reflect.Value {
	v := reflect.ValueOf(obj).Elem()
	for path.Base(v.Type().PkgPath()) != "mo" {
		v = v.Field(0)
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
	}
	return v
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// decode turns decoded JSON (with json.Number) into a value of the vim type t, refusing whatever it cannot place.
func (w *World) decode(t reflect.Type, v any, at string) (reflect.Value, error) {
	fail := func(want string) (reflect.Value, error) {
		return reflect.Value{}, fmt.Errorf("%s: %s wanted for %s, got %s", at, want, t, brief(v))
	}
	if v == nil {
		return reflect.Zero(t), nil
	}
	switch t {
	case timeType:
		s, ok := v.(string)
		if !ok {
			return fail("a time")
		}
		when, err := parseTime(s)
		if err != nil {
			return reflect.Value{}, fmt.Errorf("%s: %w", at, err)
		}
		return reflect.ValueOf(when), nil
	case referenceType:
		ref, err := w.decodeReference(v)
		if err != nil {
			return reflect.Value{}, fmt.Errorf("%s: %w", at, err)
		}
		return reflect.ValueOf(ref), nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		inner, err := w.decode(t.Elem(), v, at)
		if err != nil {
			return reflect.Value{}, err
		}
		p := reflect.New(t.Elem())
		p.Elem().Set(inner)
		return p, nil
	case reflect.Interface:
		return w.decodeInterface(t, v, at)
	case reflect.Struct:
		fields, ok := v.(map[string]any)
		if !ok {
			return fail("an object")
		}
		return w.decodeStruct(t, fields, at)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			if s, ok := v.(string); ok {
				raw, err := bytesOf(s)
				if err != nil {
					return reflect.Value{}, fmt.Errorf("%s: %w", at, err)
				}
				return reflect.ValueOf(raw).Convert(t), nil
			}
		}
		list, ok := v.([]any)
		if !ok {
			return fail("a list")
		}
		out := reflect.MakeSlice(t, len(list), len(list))
		for i, item := range list {
			one, err := w.decode(t.Elem(), item, fmt.Sprintf("%s[%d]", at, i))
			if err != nil {
				return reflect.Value{}, err
			}
			out.Index(i).Set(one)
		}
		return out, nil
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			return fail("a string")
		}
		return reflect.ValueOf(s).Convert(t), nil
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			return fail("true or false")
		}
		return reflect.ValueOf(b).Convert(t), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8:
		n, ok := v.(json.Number)
		if !ok {
			return fail("a whole number")
		}
		i, err := n.Int64()
		out := reflect.New(t).Elem()
		if err == nil && t.Kind() == reflect.Uint8 {
			if i < 0 || i > 255 {
				return fail("a byte")
			}
			out.SetUint(uint64(i))
			return out, nil
		}
		if err != nil || out.OverflowInt(i) {
			return fail("a whole number that fits")
		}
		out.SetInt(i)
		return out, nil
	case reflect.Float32, reflect.Float64:
		n, ok := v.(json.Number)
		if !ok {
			return fail("a number")
		}
		f, err := n.Float64()
		if err != nil {
			return fail("a number")
		}
		return reflect.ValueOf(f).Convert(t), nil
	}
	return fail("a known kind of value")
}

func (w *World) decodeStruct(t reflect.Type, fields map[string]any, at string) (reflect.Value, error) {
	out := reflect.New(t).Elem()
	for key, raw := range fields {
		if key == "_typeName" {
			if raw != t.Name() {
				return reflect.Value{}, fmt.Errorf("%s: %v given where %s belongs", at, raw, t.Name())
			}
			continue
		}
		field := out.FieldByName(upperFirst(key))
		if !field.IsValid() {
			return reflect.Value{}, fmt.Errorf("%s: %s has no property %q", at, t.Name(), key)
		}
		value, err := w.decode(field.Type(), raw, at+"."+key)
		if err != nil {
			return reflect.Value{}, err
		}
		field.Set(value)
	}
	return out, nil
}

func (w *World) decodeInterface(t reflect.Type, v any, at string) (reflect.Value, error) {
	out := reflect.New(t).Elem()
	fields, isObject := v.(map[string]any)
	if !isObject {
		scalar, err := scalarOf(v)
		if err != nil || !reflect.TypeOf(scalar).AssignableTo(t) {
			return reflect.Value{}, fmt.Errorf("%s: an object with \"_typeName\" wanted for %s, got %s", at, t, brief(v))
		}
		out.Set(reflect.ValueOf(scalar))
		return out, nil
	}
	name, _ := fields["_typeName"].(string)
	if name == "" {
		name = usualType[t.Name()]
	}
	if name == "" {
		return reflect.Value{}, fmt.Errorf("%s: \"_typeName\" is missing for %s", at, t)
	}
	concrete, ok := scalarTypes[name]
	if !ok {
		concrete, ok = vimType(name)
	}
	if !ok {
		return reflect.Value{}, fmt.Errorf("%s: no vim type is called %q", at, name)
	}
	if inner, boxed := fields["_value"]; boxed {
		value, err := w.decode(concrete, inner, at)
		if err != nil {
			return reflect.Value{}, err
		}
		out.Set(value)
		return out, nil
	}
	value, err := w.decode(concrete, v, at)
	if err != nil {
		return reflect.Value{}, err
	}
	if t.NumMethod() > 0 || !concrete.AssignableTo(t) {
		p := reflect.New(concrete)
		p.Elem().Set(value)
		value = p
	}
	if !value.Type().AssignableTo(t) {
		return reflect.Value{}, fmt.Errorf("%s: %s is not a %s", at, name, strings.TrimPrefix(t.Name(), "Base"))
	}
	out.Set(value)
	return out, nil
}

// decodeReference reads "HostSystem:host-21", {"type", "value"} or a selector that names exactly one object.
func (w *World) decodeReference(v any) (types.ManagedObjectReference, error) {
	var ref types.ManagedObjectReference
	if s, ok := v.(string); ok {
		if !ref.FromString(s) {
			return ref, fmt.Errorf("%q is not of the form Type:value", s)
		}
		return ref, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return ref, err
	}
	if fields, ok := v.(map[string]any); ok && fields["value"] != nil {
		return ref, strictJSON(raw, &struct {
			Type  *string `json:"type"`
			Value *string `json:"value"`
		}{&ref.Type, &ref.Value})
	}
	var chosen Selector
	if err := json.Unmarshal(raw, &chosen); err != nil {
		return ref, err
	}
	obj, err := w.one("", &chosen)
	if err != nil {
		return ref, err
	}
	return obj.Reference(), nil
}

// scalarOf gives plain JSON the type a vim "any" value has on the wire; whole numbers become xsd:long, as ESXi's are.
func scalarOf(v any) (any, error) {
	switch x := v.(type) {
	case string, bool:
		return x, nil
	case json.Number:
		if i, err := x.Int64(); err == nil {
			return i, nil
		}
		return x.Float64()
	}
	return nil, fmt.Errorf("no plain value: %s", brief(v))
}

func bytesOf(s string) ([]byte, error) {
	if strings.HasPrefix(s, "-----BEGIN") {
		return []byte(s), nil
	}
	return base64.StdEncoding.DecodeString(s)
}

var relativeTime = regexp.MustCompile(`^now(?:([+-])(\d+)([smhd]))?$`)

// parseTime reads RFC 3339 or "now", "now-30d", "now+2h".
func parseTime(s string) (time.Time, error) {
	if m := relativeTime.FindStringSubmatch(s); m != nil {
		now := time.Now().UTC()
		if m[1] == "" {
			return now, nil
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return now, err
		}
		unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[3]]
		if m[1] == "-" {
			n = -n
		}
		return now.Add(time.Duration(n) * unit), nil
	}
	when, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return when, fmt.Errorf("%q is neither RFC 3339 nor now±N[smhd]", s)
	}
	return when, nil
}

func brief(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(raw) > 80 {
		return string(raw[:77]) + "..."
	}
	return string(raw)
}

// step is one part of a property path: a field and, for a list, which elements of it.
type step struct {
	field string
	where string
}

// parsePath splits "config.option[key=Security.AccountLockFailures].value"; dots inside brackets do not split.
func parsePath(p string) ([]step, error) {
	var steps []step
	for rest := p; rest != ""; {
		end := strings.IndexAny(rest, ".[")
		one := step{field: rest}
		if end >= 0 {
			one.field = rest[:end]
			if rest[end] == '[' {
				shut := strings.IndexByte(rest, ']')
				if shut < 0 {
					return nil, fmt.Errorf("%q: a bracket is not closed", p)
				}
				one.where = rest[end+1 : shut]
				end = shut + 1
				if end < len(rest) && rest[end] != '.' {
					return nil, fmt.Errorf("%q: a dot belongs after the bracket", p)
				}
			}
			rest = strings.TrimPrefix(rest[end:], ".")
		} else {
			rest = ""
		}
		if one.field == "" {
			return nil, fmt.Errorf("%q is not a property path", p)
		}
		steps = append(steps, one)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("a property path is empty")
	}
	return steps, nil
}

// assign writes raw at the path below v. Structs reached through pointers are copied first: the simulator
// shares its templates between objects, so writing in place would change the neighbours too.
func (w *World) assign(v reflect.Value, steps []step, raw any, at string) error {
	if len(steps) == 0 {
		value, err := w.decode(v.Type(), raw, at)
		if err != nil {
			return err
		}
		v.Set(value)
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		switch v.Interface().(type) {
		case *types.HostConfigInfo, *types.VirtualMachineConfigInfo:
			if !v.IsNil() { // never shared, and other parts of the simulator hold pointers into it
				return w.assign(v.Elem(), steps, raw, at)
			}
		}
		fresh := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem())
		}
		if err := w.assign(fresh.Elem(), steps, raw, at); err != nil {
			return err
		}
		v.Set(fresh)
		return nil
	case reflect.Interface:
		inner := v.Elem()
		if v.IsNil() {
			concrete, ok := vimType(usualType[v.Type().Name()])
			if !ok {
				return fmt.Errorf("%s: unset, and its type is open; set the whole object with \"_typeName\"", at)
			}
			inner = reflect.New(concrete)
		}
		target := inner
		if inner.Kind() == reflect.Pointer {
			target = inner.Elem()
		}
		fresh := reflect.New(target.Type())
		fresh.Elem().Set(target)
		if err := w.assign(fresh.Elem(), steps, raw, at); err != nil {
			return err
		}
		if inner.Kind() == reflect.Pointer {
			v.Set(fresh)
		} else {
			v.Set(fresh.Elem())
		}
		return nil
	case reflect.Struct:
		field := v.FieldByName(upperFirst(steps[0].field))
		if !field.IsValid() {
			return fmt.Errorf("%s: %s has no property %q", at, v.Type().Name(), steps[0].field)
		}
		if steps[0].where == "" {
			return w.assign(field, steps[1:], raw, at)
		}
		if field.Kind() != reflect.Slice {
			return fmt.Errorf("%s: %s is not a list", at, steps[0].field)
		}
		fresh := reflect.MakeSlice(field.Type(), field.Len(), field.Len())
		reflect.Copy(fresh, field)
		found := false
		for i := range fresh.Len() {
			if !elementMatches(fresh.Index(i), i, steps[0].where) {
				continue
			}
			found = true
			if err := w.assign(fresh.Index(i), steps[1:], raw, at); err != nil {
				return err
			}
		}
		if !found {
			return fmt.Errorf("%s: no element of %s matches [%s]", at, steps[0].field, steps[0].where)
		}
		field.Set(fresh)
		return nil
	}
	return fmt.Errorf("%s: %s has no parts", at, v.Type())
}

// elementMatches knows [*], [#2], [field=value], [_typeName=VirtualE1000] and [value of key].
func elementMatches(element reflect.Value, index int, where string) bool {
	if where == "*" {
		return true
	}
	if strings.HasPrefix(where, "#") {
		return where[1:] == strconv.Itoa(index)
	}
	for element.Kind() == reflect.Interface || element.Kind() == reflect.Pointer {
		if element.IsNil() {
			return false
		}
		element = element.Elem()
	}
	if element.Kind() != reflect.Struct {
		return fmt.Sprint(element.Interface()) == where
	}
	name, want, named := strings.Cut(where, "=")
	if !named {
		name, want = "key", where
	}
	if name == "_typeName" {
		return element.Type().Name() == want
	}
	for _, part := range strings.Split(name, ".") {
		for element.Kind() == reflect.Interface || element.Kind() == reflect.Pointer {
			if element.IsNil() {
				return false
			}
			element = element.Elem()
		}
		if element.Kind() != reflect.Struct {
			return false
		}
		if element = element.FieldByName(upperFirst(part)); !element.IsValid() {
			return false
		}
	}
	for element.Kind() == reflect.Interface || element.Kind() == reflect.Pointer {
		if element.IsNil() {
			return false
		}
		element = element.Elem()
	}
	return fmt.Sprint(element.Interface()) == want
}

// valueAt reads a path without brackets; nil when anything on the way is unset.
func valueAt(v reflect.Value, p string) any {
	for _, part := range strings.Split(p, ".") {
		for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return nil
			}
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return nil
		}
		if v = v.FieldByName(upperFirst(part)); !v.IsValid() {
			return nil
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return v.Elem().Interface()
	case reflect.String, reflect.Slice:
		if v.Len() == 0 {
			return nil
		}
	}
	return v.Interface()
}
