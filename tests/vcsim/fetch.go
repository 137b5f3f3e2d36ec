package main

import (
	"reflect"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Fetch is the undocumented call that pyVmomi reads single properties with. The simulator's own answers it
// past our PropertyCollector, and answers an unset property with something pyVmomi cannot read.
type Fetch struct {
	This types.ManagedObjectReference `xml:"_this"`
	Prop string                       `xml:"prop"`
}

type FetchResponse struct {
	Returnval types.AnyType `xml:"returnval,omitempty,typeattr"`
}

type FetchBody struct {
	Req    *Fetch         `xml:"urn:vim25 Fetch,omitempty"`
	Res    *FetchResponse `xml:"urn:vim25 FetchResponse,omitempty"`
	Fault_ *soap.Fault    `xml:"http://schemas.xmlsoap.org/soap/envelope/ Fault,omitempty"`
}

func (b *FetchBody) Fault() *soap.Fault { return b.Fault_ }

func init() {
	types.Add("Fetch", reflect.TypeOf((*Fetch)(nil)).Elem())
}

func (pc *PropertyCollector) Fetch(ctx *simulator.Context, req *Fetch) soap.HasFault {
	body := new(FetchBody)
	answer := pc.RetrievePropertiesEx(ctx, &types.RetrievePropertiesEx{
		This: pc.Self,
		SpecSet: []types.PropertyFilterSpec{{
			PropSet:   []types.PropertySpec{{Type: req.This.Type, PathSet: []string{req.Prop}}},
			ObjectSet: []types.ObjectSpec{{Obj: req.This}},
		}},
	})
	if body.Fault_ = answer.Fault(); body.Fault_ != nil {
		return body
	}
	body.Res = new(FetchResponse)
	objects := answer.(*methods.RetrievePropertiesExBody).Res.Returnval.Objects
	if len(objects) == 0 { // invisible to the account
		body.Res = nil
		body.Fault_ = simulator.Fault("", &types.NoPermission{Object: &req.This, PrivilegeId: "System.View"})
		return body
	}
	for _, missing := range objects[0].MissingSet {
		body.Res = nil
		body.Fault_ = simulator.Fault(missing.Fault.LocalizedMessage, missing.Fault.Fault)
		return body
	}
	for _, value := range objects[0].PropSet {
		body.Res.Returnval = value.Val
	}
	return body
}
