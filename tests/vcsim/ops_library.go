package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/vmware/govmomi/simulator"
)

const (
	content       = "/rest/com/vmware/content/"
	updateSession = content + "library/item/update-session"
	updateFile    = content + "library/item/updatesession/file"
)

type libraryParams struct {
	Name      string    `json:"name"`
	Datastore *Selector `json:"datastore"`
	From      string    `json:"from"`
	Published bool      `json:"published"`
	Login     string    `json:"login"`
	Policy    string    `json:"policy"`
}

// opLibrary makes a content library, local or subscribed, or changes how one is handed out.
func opLibrary(w *World, _ *simulator.Context, p libraryParams) error {
	publication := map[string]any{"published": p.Published, "authentication_method": p.Login, "password": "hand-out"}
	if id, ok := w.libraries[p.Name]; ok {
		_, err := w.restAsk(http.MethodPatch, content+"local-library/id:"+id, map[string]any{
			"update_spec": map[string]any{"publish_info": publication},
		})
		return err
	}
	if p.Name == "" || p.Datastore == nil {
		return fmt.Errorf("\"name\" and \"datastore\" are wanted")
	}
	stores, err := w.some("Datastore", p.Datastore)
	if err != nil {
		return err
	}
	spec := map[string]any{
		"name": p.Name, "type": "LOCAL", "publish_info": publication,
		"storage_backings": []map[string]string{{"datastore_id": stores[0].Reference().Value, "type": "DATASTORE"}},
	}
	if p.Policy != "" {
		spec["security_policy_id"] = p.Policy
	}
	path := "local-library"
	if p.From != "" {
		path = "subscribed-library"
		delete(spec, "publish_info")
		spec["type"] = "SUBSCRIBED"
		spec["subscription_info"] = map[string]any{"subscription_url": p.From, "authentication_method": "BASIC", "password": "fetch-it"}
	}
	id, err := w.restAsk(http.MethodPost, content+path, map[string]any{"create_spec": spec})
	if err == nil {
		w.libraries[p.Name] = id
	}
	return err
}

type libraryItemParams struct {
	Library string `json:"library"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
}

// opLibraryItem puts an item into a library, with one file if it has content.
func opLibraryItem(w *World, _ *simulator.Context, p libraryItemParams) error {
	id, err := w.restAsk(http.MethodPost, content+"library/item", map[string]any{
		"create_spec": map[string]string{"library_id": w.libraries[p.Library], "name": p.Name, "type": p.Type},
	})
	if err != nil || p.Content == "" {
		return err
	}
	session, err := w.restAsk(http.MethodPost, updateSession, map[string]any{
		"create_spec": map[string]string{"library_item_id": id},
	})
	if err != nil {
		return err
	}
	place, err := w.uploadPlace(session, p.Name+"."+p.Type, len(p.Content))
	if err != nil {
		return err
	}
	login, err := w.restSend(http.MethodPost, "/rest/com/vmware/cis/session", "", nil)
	if err != nil {
		return err
	}
	request := httptest.NewRequest(http.MethodPut, place, strings.NewReader(p.Content))
	request.Header.Set("vmware-api-session-id", login)
	answer := httptest.NewRecorder()
	w.rest.ServeHTTP(answer, request)
	if answer.Code >= http.StatusMultipleChoices {
		return fmt.Errorf("upload: %d %s", answer.Code, answer.Body)
	}
	_, err = w.restAsk(http.MethodPost, updateSession+"/id:"+session+"?~action=complete", nil)
	return err
}

// uploadPlace asks where the bytes of a file go.
func (w *World) uploadPlace(session, name string, size int) (string, error) {
	answer, err := w.restBody(http.MethodPost, updateFile+"/id:"+session+"?~action=add", map[string]any{
		"file_spec": map[string]any{"name": name, "source_type": "PUSH", "size": size},
	})
	if err != nil {
		return "", err
	}
	var read struct {
		Value struct {
			Endpoint struct {
				URI string `json:"uri"`
			} `json:"upload_endpoint"`
		} `json:"value"`
	}
	if err := json.Unmarshal(answer, &read); err != nil {
		return "", err
	}
	place, err := url.Parse(read.Value.Endpoint.URI)
	if err != nil {
		return "", err
	}
	return place.Path, nil
}

type removeLibraryParams struct {
	Name string `json:"name"`
}

func opRemoveLibrary(w *World, _ *simulator.Context, p removeLibraryParams) error {
	_, err := w.restAsk(http.MethodDelete, content+"local-library/id:"+w.libraries[p.Name], nil)
	delete(w.libraries, p.Name)
	return err
}
