package simulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// maxUpload is more than WhatsApp takes for a picture.
const maxUpload = 25 << 20

// apiRoutes are for the page and for tests. Every refusal is {"error": "…"} with status 400 or 404.
func (s *Simulator) apiRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/state", s.apiState)
	mux.HandleFunc("GET /api/accounts", s.apiAccounts)
	mux.HandleFunc("PUT /api/accounts/{id}", s.apiPutAccount)
	mux.HandleFunc("PUT /api/customers/{phone}", s.apiPutCustomer)
	mux.HandleFunc("POST /api/customers/{phone}/messages", s.apiWrite)
	mux.HandleFunc("GET /api/chats/{phone}", s.apiChat)
	mux.HandleFunc("POST /api/chats/{phone}/open", s.apiOpen)
	mux.HandleFunc("GET /api/calls", s.apiCalls)
	mux.HandleFunc("GET /api/faults", s.apiFaults)
	mux.HandleFunc("POST /api/faults", s.apiAddFault)
	mux.HandleFunc("DELETE /api/faults", s.apiClearFaults)
	mux.HandleFunc("DELETE /api/faults/{id}", s.apiClearFaults)
	mux.HandleFunc("GET /api/settings", s.apiSettings)
	mux.HandleFunc("PUT /api/settings", s.apiPutSettings)
	mux.HandleFunc("GET /api/outbox", s.apiOutbox)
	mux.HandleFunc("POST /api/webhooks", s.apiWebhook)
	mux.HandleFunc("POST /api/media", s.apiUpload)
	mux.HandleFunc("GET /api/media/{id}", s.apiDownload)
	mux.HandleFunc("GET /api/stream", s.apiStream)
}

// public returns the account without what opens it.
func (a Account) public() Account {
	a.AccessToken, a.AppSecret, a.CallbackURL = "", "", ""
	return a
}

func (s *Simulator) apiState(w http.ResponseWriter, _ *http.Request) {
	accounts, customers, last := s.store.overview()
	writeJSON(w, http.StatusOK, map[string]any{"accounts": accounts, "customers": customers, "last": last, "faults": s.faults.list(),
		"faultKinds": faultKinds(), "settings": s.store.currentSettings(), "outbox": s.outbox.state()})
}

func (s *Simulator) apiAccounts(w http.ResponseWriter, _ *http.Request) {
	accounts, _, _ := s.store.overview()
	writeJSON(w, http.StatusOK, map[string]any{"accounts": accounts})
}

func (s *Simulator) apiPutAccount(w http.ResponseWriter, r *http.Request) {
	var a Account
	if !readBody(w, r, &a) {
		return
	}
	a.PhoneNumberID, a.DisplayPhone = r.PathValue("id"), e164(a.DisplayPhone)
	if a.DisplayPhone == "" {
		refuse(w, "displayPhone must be a phone number with country code")
		return
	}
	s.store.commit(record{Account: &a})
	writeJSON(w, http.StatusOK, a.public())
}

func (s *Simulator) apiPutCustomer(w http.ResponseWriter, r *http.Request) {
	var c Customer
	if !readBody(w, r, &c) {
		return
	}
	if c.Phone = e164(r.PathValue("phone")); c.Phone == "" || c.Name == "" {
		refuse(w, "a customer needs a phone number with country code, and a name")
		return
	}
	s.store.commit(record{Customer: &c})
	writeJSON(w, http.StatusOK, c)
}

func (s *Simulator) apiWrite(w http.ResponseWriter, r *http.Request) {
	var in customerMessage
	if !readBody(w, r, &in) {
		return
	}
	phone := e164(r.PathValue("phone"))
	if phone == "" {
		refuse(w, "the phone number must have 5 to 15 digits with country code")
		return
	}
	m, err := s.write(phone, in)
	if err != nil {
		refuse(w, err.Error())
		return
	}
	writeJSON(w, http.StatusCreated, m)
}

func (s *Simulator) apiChat(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"messages": s.store.chat(r.FormValue("account"), e164(r.PathValue("phone")))})
}

func (s *Simulator) apiOpen(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Account string `json:"account"`
	}
	if !readBody(w, r, &in) {
		return
	}
	account, ok := s.account(in.Account)
	if !ok {
		refuse(w, "account is not known")
		return
	}
	s.open(account, e164(r.PathValue("phone")))
	w.WriteHeader(http.StatusNoContent)
}

func (s *Simulator) apiCalls(w http.ResponseWriter, r *http.Request) {
	since, _ := strconv.Atoi(r.FormValue("since")) // absent: all
	writeJSON(w, http.StatusOK, map[string]any{"calls": append([]Call{}, s.store.callsSince(since)...)})
}

func (s *Simulator) apiFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"faults": s.faults.list(), "kinds": faultKinds()})
}

func (s *Simulator) apiAddFault(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Kind        string  `json:"kind"`
		Count       int     `json:"count"`       // 1 when absent; -1: until removed
		Probability float64 `json:"probability"` // 1 when absent
		Account     string  `json:"account"`
		Customer    string  `json:"customer"`
		Minutes     int     `json:"minutes"`
	}
	if !readBody(w, r, &in) {
		return
	}
	f, err := s.faults.add(Fault{Kind: in.Kind, Left: in.Count, Probability: in.Probability, Account: in.Account, Customer: e164(in.Customer),
		Minutes: in.Minutes})
	if err != nil {
		refuse(w, err.Error())
		return
	}
	s.publishFaults()
	writeJSON(w, http.StatusCreated, f)
}

func (s *Simulator) apiClearFaults(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(cmp.Or(r.PathValue("id"), "0"))
	if found := s.faults.remove(id); err != nil || !found && id != 0 {
		writeJSON(w, http.StatusNotFound, map[string]string{"error": "there is no such fault"})
		return
	}
	s.publishFaults()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Simulator) publishFaults() { s.store.publish(update{Type: "faults", Data: s.faults.list()}) }

func (s *Simulator) apiSettings(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.store.currentSettings())
}

func (s *Simulator) apiPutSettings(w http.ResponseWriter, r *http.Request) {
	settings := s.store.currentSettings() // absent fields stay
	if !readBody(w, r, &settings) {
		return
	}
	s.store.commit(record{Settings: &settings})
	writeJSON(w, http.StatusOK, settings)
}

func (s *Simulator) apiOutbox(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.outbox.state())
}

// apiWebhook posts a body of the caller's choice, signed or not, and returns what the receiver answered.
func (s *Simulator) apiWebhook(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Account   string          `json:"account"`
		Body      json.RawMessage `json:"body"`      // posted byte by byte; a JSON string is posted as its text
		Signature *string         `json:"signature"` // absent: the right one; "": no header
		Times     int             `json:"times"`     // 1 when absent
	}
	if !readBody(w, r, &in) {
		return
	}
	account, ok := s.account(in.Account)
	if !ok || len(in.Body) == 0 || in.Times < 0 || in.Times > 100 {
		refuse(w, "account must be known, body present, times at most 100")
		return
	}
	body := []byte(in.Body)
	var text string
	if json.Unmarshal(body, &text) == nil {
		body = []byte(text)
	}
	signature := sign(account.AppSecret, body)
	if in.Signature != nil {
		signature = *in.Signature
	}
	type answer struct {
		Status int    `json:"status"`
		Body   string `json:"body"`
		Error  string `json:"error,omitzero"`
	}
	var answers []answer
	for range max(1, in.Times) {
		status, text, err := s.deliver(r.Context(), account, body, signature)
		a := answer{Status: status, Body: text}
		if err != nil {
			a.Error = err.Error()
		}
		answers = append(answers, a)
	}
	writeJSON(w, http.StatusOK, map[string]any{"answers": answers})
}

func (s *Simulator) apiUpload(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpload))
	if err != nil || len(data) == 0 {
		refuse(w, "the file must have between 1 byte and 25 MB")
		return
	}
	m, err := s.keepMedia(data, r.Header.Get("Content-Type"), r.FormValue("filename"))
	if err != nil {
		refuse(w, "the file could not be kept")
		return
	}
	m.Data = nil
	writeJSON(w, http.StatusCreated, m)
}

func (s *Simulator) apiDownload(w http.ResponseWriter, r *http.Request) {
	m, data, ok := s.store.loadMedia(r.PathValue("id"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", m.MIMEType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	_, _ = w.Write(data)
}

// readBody reads the JSON body into v. It has answered when it returns false.
func readBody(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxUpload*2))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		refuse(w, "the body is not the JSON expected here: "+err.Error())
		return false
	}
	return true
}

func refuse(w http.ResponseWriter, reason string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": reason})
}

// overview returns the accounts, the customers, and the newest message of every chat.
func (st *store) overview() (accounts []Account, customers []Customer, last []Message) {
	st.mu.Lock()
	defer st.mu.Unlock()
	accounts, customers, last = []Account{}, []Customer{}, []Message{}
	for _, id := range slices.Sorted(maps.Keys(st.accounts)) {
		accounts = append(accounts, st.accounts[id].public())
	}
	for _, phone := range slices.Sorted(maps.Keys(st.customers)) {
		customers = append(customers, st.customers[phone])
	}
	for _, chat := range st.chats {
		last = append(last, *chat[len(chat)-1])
	}
	slices.SortFunc(last, func(a, b Message) int { return b.At.Compare(a.At) })
	return accounts, customers, last
}
