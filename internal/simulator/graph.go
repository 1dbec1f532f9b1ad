package simulator

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// window is how long after the customer's last message a business may answer freely.
const window = 24 * time.Hour

// silence is how long the timeout fault holds a call, unless the caller gives up before.
const silence = time.Minute

// graphRoutes are the paths of the Graph API that the product uses.
func (s *Simulator) graphRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /{version}/{id}/messages", s.handleSend)
	mux.HandleFunc("GET /{version}/{id}", s.handleMedia)
	mux.HandleFunc("GET /media/{id}", s.handleDownload)
}

// sendRequest is what the simulator reads of a call; the rest is ignored, as at Meta.
type sendRequest struct {
	Product   string `json:"messaging_product"`
	To        string `json:"to"`
	Recipient string `json:"recipient"`
	Type      string `json:"type"`
	Status    string `json:"status"` // "read": not a message, but a read mark
	MessageID string `json:"message_id"`
	Context   struct {
		MessageID string `json:"message_id"`
	} `json:"context"`
	Text struct {
		Body string `json:"body"`
	} `json:"text"`
	Template struct {
		Name     string `json:"name"`
		Language struct {
			Code string `json:"code"`
		} `json:"language"`
		Components []struct {
			Type       string `json:"type"`
			Parameters []struct {
				Text string `json:"text"`
			} `json:"parameters"`
		} `json:"components"`
	} `json:"template"`
	Opaque string `json:"biz_opaque_callback_data"`
}

// handleSend takes a message of a business.
func (s *Simulator) handleSend(w http.ResponseWriter, r *http.Request) {
	account, ok := s.authorised(w, r, r.PathValue("id"))
	if !ok {
		return
	}
	if s.closed() { // what is taken now would be on no record
		e := graphFailure(131016, "Service temporarily unavailable")
		e.Status = http.StatusServiceUnavailable
		e.write(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	var in sendRequest
	if err != nil || json.Unmarshal(body, &in) != nil {
		graphFailure(100, "The request body is not JSON").write(w)
		return
	}
	if in.Status == "read" {
		s.markRead(account, in.MessageID)
		writeJSON(w, http.StatusOK, map[string]bool{"success": true})
		return
	}
	call := Call{Seq: s.store.nextSeq(), StartedAt: s.now().UTC(), Account: account.PhoneNumberID, To: e164(in.To), Type: in.Type,
		Text: in.text(), Opaque: in.Opaque}
	if call.To == "" {
		call.To = in.Recipient
	}
	hit := s.faults.strike(account.PhoneNumberID, call.To)
	if call.Fault = hit.name(); call.Fault != "" {
		s.publishFaults()
	}
	failure := s.refuse(account, in, hit.answer)
	if failure != nil {
		call.Status, call.ErrorCode = failure.Status, failure.Code
	} else {
		call.Accepted, call.Status, call.MessageID = true, http.StatusOK, newID("wamid.SIM")
	}
	s.answer(w, r, account, in, call, hit, failure)
}

// answer records the call, lets its receipts begin, and replies. A call is on record before anything of it can be seen elsewhere.
func (s *Simulator) answer(w http.ResponseWriter, r *http.Request, account Account, in sendRequest, call Call, hit struck, failure *graphError) {
	kind := hit.answer.Kind
	if silent := kind == "timeout" || kind == "accept_cut"; silent {
		call.Status = 0
	}
	if kind == "timeout" || kind == "server_garbage" {
		call.Accepted, call.MessageID = false, ""
	}
	if call.Accepted {
		s.accept(r.Context(), account, in, call, hit)
	} else {
		s.store.commit(record{Call: &call})
	}
	defer func() {
		call.EndedAt = s.now().UTC()
		s.store.commit(record{Call: &call})
	}()
	if slow := s.store.currentSettings().AnswerAfter; slow > 0 {
		s.stall(r, time.Duration(slow)*time.Millisecond)
	}
	switch kind {
	case "timeout":
		s.stall(r, silence)
		panic(http.ErrAbortHandler)
	case "accept_cut":
		panic(http.ErrAbortHandler)
	case "server_garbage":
		call.Status = http.StatusBadGateway
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html><body><h1>502 Bad Gateway</h1></body></html>")
	case "accept_half":
		writeHalf(w, acceptance(call))
	default:
		if failure != nil {
			failure.write(w)
			return
		}
		writeJSON(w, http.StatusOK, acceptance(call))
	}
}

// stall waits until the caller gives up, the simulator ends, or it is long enough.
func (s *Simulator) stall(r *http.Request, long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
	case <-s.closing:
	case <-timer.C:
	}
}

func acceptance(call Call) map[string]any {
	return map[string]any{
		"messaging_product": "whatsapp",
		"contacts":          []map[string]string{{"input": waID(call.To), "wa_id": waID(call.To)}},
		"messages":          []map[string]string{{"id": call.MessageID, "message_status": "accepted"}},
	}
}

// writeHalf promises a whole answer and ends in its middle.
func writeHalf(w http.ResponseWriter, v any) {
	whole, _ := json.Marshal(v) // a map of strings always marshals
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
	_, _ = w.Write(whole[:len(whole)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// refuse returns why the vendor does not take the message, or nil.
func (s *Simulator) refuse(account Account, in sendRequest, fault Fault) *graphError {
	if e := faultFailure(fault); e != nil {
		return e
	}
	to := e164(in.To)
	switch {
	case in.Product != "whatsapp":
		return graphFailure(100, "Parameter 'messaging_product' must be whatsapp")
	case to == "" && in.Recipient == "":
		return graphFailure(131009, "Parameter 'to' is not a phone number")
	case to == account.DisplayPhone:
		return graphFailure(131021, "Sender and recipient phone number is the same")
	case in.Type == "text" && strings.TrimSpace(in.Text.Body) == "":
		return graphFailure(131008, "Parameter 'text.body' is required")
	case in.Type == "text" && utf8.RuneCountInString(in.Text.Body) > 4096:
		return graphFailure(131009, "text.body must have at most 4096 characters")
	case in.Type == "template" && (in.Template.Name == "" || in.Template.Language.Code == ""):
		return graphFailure(131008, "Parameter 'template.name' and 'template.language.code' are required")
	case in.Type != "text" && in.Type != "template":
		return graphFailure(131051, "The simulator takes text and templates only")
	}
	if in.Type == "template" || s.store.currentSettings().IgnoreWindow {
		return nil
	}
	if last := s.store.lastFromCustomer(account.PhoneNumberID, to); s.now().Sub(last) > window {
		return graphFailure(131047, "Message failed to send because more than 24 hours have passed since the customer last replied to this number.")
	}
	return nil
}

// text returns what the customer reads.
func (in sendRequest) text() string {
	if in.Type != "template" {
		return in.Text.Body
	}
	lines := []string{"[" + in.Template.Name + " · " + in.Template.Language.Code + "]"}
	for _, c := range in.Template.Components {
		var values []string
		for _, p := range c.Parameters {
			values = append(values, p.Text)
		}
		lines = append(lines, strings.Join(values, " · "))
	}
	return strings.Join(lines, "\n")
}

// authorised returns the account that the path names, when the bearer token is the account's. It has answered otherwise.
func (s *Simulator) authorised(w http.ResponseWriter, r *http.Request, id string) (Account, bool) {
	account, known := s.account(id)
	if !known {
		e := graphFailure(100, "")
		e.Subcode, e.Type = 33, "GraphMethodException"
		e.Message = "Unsupported post request. Object with ID '" + id + "' does not exist, cannot be loaded due to missing permissions, or does not support this operation."
		e.write(w)
		return Account{}, false
	}
	if !account.admits(r) {
		graphFailure(190, "").write(w)
		return Account{}, false
	}
	return account, true
}

// admits reports whether the request carries the account's token.
func (a Account) admits(r *http.Request) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || token == "" {
		return false
	}
	return a.AccessToken == "" || subtle.ConstantTimeCompare([]byte(token), []byte(a.AccessToken)) == 1
}

// handleMedia tells where a file is, to a caller with any known token.
func (s *Simulator) handleMedia(w http.ResponseWriter, r *http.Request) {
	if !s.store.anyAccount(func(a Account) bool { return a.admits(r) }) {
		graphFailure(190, "").write(w)
		return
	}
	m, _, ok := s.store.loadMedia(r.PathValue("id"))
	if !ok {
		e := graphFailure(100, "")
		e.Subcode, e.Message = 33, "Unsupported get request. Object with ID '"+r.PathValue("id")+"' does not exist."
		e.write(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"messaging_product": "whatsapp", "url": "http://" + r.Host + "/media/" + m.ID,
		"mime_type": m.MIMEType, "sha256": m.SHA256, "file_size": m.Size, "id": m.ID})
}

// handleDownload hands out a file, to a caller with any known token.
func (s *Simulator) handleDownload(w http.ResponseWriter, r *http.Request) {
	m, data, ok := s.store.loadMedia(r.PathValue("id"))
	if !ok || !s.store.anyAccount(func(a Account) bool { return a.admits(r) }) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", m.MIMEType)
	_, _ = w.Write(data)
}
