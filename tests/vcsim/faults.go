package main

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// Rule is a simulator.FaultInjectionRule in JSON.
type Rule struct {
	Method      string   `json:"method"`
	ObjectType  string   `json:"object_type"`
	ObjectName  string   `json:"object_name"`
	Where       []string `json:"where"`
	Except      []string `json:"except"`
	Probability *float64 `json:"probability"`
	// Fault is the name of a vim fault, or one in full with "_typeName".
	Fault   any    `json:"fault"`
	Message string `json:"message"`
	DelayMS int    `json:"delay_ms"`
	Max     int    `json:"max"`
	Skip    int    `json:"skip"`
}

// injectFaults replaces all fault rules.
func (w *World) injectFaults(raw []byte) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("faults: %v", cause)
		}
	}()
	var rules []Rule
	if err := strictJSON(raw, &rules); err != nil {
		return fmt.Errorf("faults: %w", err)
	}
	var made []*simulator.FaultInjectionRule
	for i, rule := range rules {
		one, err := w.faultRule(rule)
		if err != nil {
			return fmt.Errorf("faults[%d]: %w", i, err)
		}
		made = append(made, one)
	}
	w.service.ClearFaultRules()
	for _, one := range made {
		w.service.AddFaultRule(one)
	}
	return nil
}

func (w *World) faultRule(r Rule) (*simulator.FaultInjectionRule, error) {
	orAny := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	rule := &simulator.FaultInjectionRule{
		MethodName: orAny(r.Method), ObjectType: orAny(r.ObjectType), ObjectName: orAny(r.ObjectName),
		Probability: 1, Message: r.Message, Delay: r.DelayMS, MaxCount: r.Max, SkipCount: r.Skip, Enabled: true,
		FaultType: simulator.FaultTypeCustom,
	}
	if r.Probability != nil {
		rule.Probability = *r.Probability
	}
	if len(r.Where) > 0 {
		rule.InclusionPropertyFilter = simulator.FaultFilterAll(r.Where...)
	}
	if len(r.Except) > 0 {
		rule.ExclusionPropertyFilter = simulator.FaultFilterAny(r.Except...)
	}
	fault := r.Fault
	if name, ok := fault.(string); ok {
		fault = map[string]any{"_typeName": name}
	}
	if fault == nil {
		fault = map[string]any{"_typeName": "SystemErrorFault", "reason": "injected"}
	}
	value, err := w.decodeInterface(reflect.TypeOf((*types.BaseMethodFault)(nil)).Elem(), fault, "fault")
	if err != nil {
		return nil, err
	}
	rule.Fault = value.Interface().(types.BaseMethodFault)
	return rule, nil
}

func marshal(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"error": "answer cannot be written"}`)
	}
	return raw
}
