package meta

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// readContent reads the object that belongs to the message's type into out. A type that is not listed here, of today or of the
// future, is shown as a placeholder with its name; its bytes are kept.
func (m inbound) readContent(body map[string]json.RawMessage, out *channel.Inbound) error {
	raw := body[m.Type]
	if len(raw) == 0 && len(m.Errors) > 0 { // Meta cannot pass the message on and says why
		return readUnsupported(m.Type, body, out)
	}
	switch m.Type {
	case "text":
		return readText(raw, out)
	case "image", "audio", "video", "document", "sticker":
		return readMedia(m.Type, raw, out)
	case "location":
		return readLocation(raw, out)
	case "contacts":
		return readContacts(raw, out)
	case "interactive":
		return readInteractive(raw, out)
	case "button":
		return readButton(raw, out)
	case "reaction":
		return readReaction(raw, out)
	case "order":
		return readOrder(raw, out)
	case "edit":
		return readEdit(raw, out)
	case "revoke":
		return readRevoke(raw, out)
	case "system":
		out.Kind, out.Text, out.Content.Label = channel.KindSystem, m.System.Body, clip(m.System.Type, 64)
		return nil
	case "request_welcome": // the customer opened the chat for the first time and wrote nothing yet
		out.Kind, out.Content.Label = channel.KindSystem, m.Type
		return nil
	case "":
		return malformed("the type is missing")
	}
	return readUnsupported(m.Type, body, out)
}

// decode reads a value of a message that was checked and cleaned as a whole. It must be there; name is what an error calls it.
func decode(name string, raw json.RawMessage, v any) error {
	if len(raw) == 0 {
		return malformed("%s is missing", name)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return mismatch(name, err)
	}
	return nil
}

// mismatch tells which value has the wrong type, without quoting it.
func mismatch(name string, err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		name = strings.TrimPrefix(name+"."+wrong.Field, ".")
	}
	return malformed("%s has the wrong type", first(name, "a value"))
}

func readText(raw json.RawMessage, out *channel.Inbound) error {
	var v struct {
		Body *string `json:"body"`
	}
	if err := decode("text", raw, &v); err != nil {
		return err
	}
	if v.Body == nil {
		return malformed("text.body is missing")
	}
	out.Kind, out.Text = channel.KindText, *v.Body
	return nil
}

func readMedia(kind string, raw json.RawMessage, out *channel.Inbound) error {
	var v struct {
		ID       string `json:"id"`
		MIMEType string `json:"mime_type"`
		SHA256   string `json:"sha256"`
		Caption  string `json:"caption"`
		Filename string `json:"filename"`
		Voice    bool   `json:"voice"`
		Animated bool   `json:"animated"`
	}
	if err := decode(kind, raw, &v); err != nil {
		return err
	}
	if v.ID == "" || len(v.ID) > maxID {
		return malformed("%s.id is missing or too long", kind)
	}
	out.Kind = map[string]channel.Kind{"image": channel.KindImage, "audio": channel.KindAudio, "video": channel.KindVideo,
		"document": channel.KindDocument, "sticker": channel.KindSticker}[kind]
	out.Text = v.Caption
	out.Content.Media = &channel.Media{ID: v.ID, MIMEType: v.MIMEType, SHA256: v.SHA256, Filename: v.Filename,
		Voice: v.Voice, Animated: v.Animated}
	return nil
}

func readLocation(raw json.RawMessage, out *channel.Inbound) error {
	var v struct {
		Latitude  json.Number `json:"latitude"` // a number in practice, a string in Meta's specification
		Longitude json.Number `json:"longitude"`
		Name      string      `json:"name"`
		Address   string      `json:"address"`
		URL       string      `json:"url"`
	}
	if err := decode("location", raw, &v); err != nil {
		return err
	}
	latitude, errLat := v.Latitude.Float64()
	longitude, errLong := v.Longitude.Float64()
	if errLat != nil || errLong != nil || latitude < -90 || latitude > 90 || longitude < -180 || longitude > 180 {
		return malformed("location is not a point on earth")
	}
	out.Kind = channel.KindLocation
	out.Content.Location = &channel.Location{Latitude: latitude, Longitude: longitude, Name: v.Name, Address: v.Address, URL: v.URL}
	return nil
}

func readContacts(raw json.RawMessage, out *channel.Inbound) error {
	var cards []struct {
		Name struct {
			Formatted string `json:"formatted_name"`
			First     string `json:"first_name"`
		} `json:"name"`
		Org struct {
			Company string `json:"company"`
		} `json:"org"`
		Phones []struct {
			Phone string `json:"phone"`
			WAID  string `json:"wa_id"`
		} `json:"phones"`
		Emails []struct {
			Email string `json:"email"`
		} `json:"emails"`
		URLs []struct {
			URL string `json:"url"`
		} `json:"urls"`
	}
	if err := decode("contacts", raw, &cards); err != nil {
		return err
	}
	out.Kind = channel.KindContacts
	for _, c := range cards {
		card := channel.ContactCard{Name: first(c.Name.Formatted, c.Name.First), Organization: c.Org.Company}
		for _, p := range c.Phones {
			card.Phones = appendText(card.Phones, first(p.Phone, phone(p.WAID)))
		}
		for _, e := range c.Emails {
			card.Emails = appendText(card.Emails, e.Email)
		}
		for _, u := range c.URLs {
			card.URLs = appendText(card.URLs, u.URL)
		}
		// A card that says nothing is three bytes of a webhook and a hundred of memory.
		if card.Name != "" || card.Organization != "" || len(card.Phones)+len(card.Emails)+len(card.URLs) > 0 {
			out.Content.Contacts = append(out.Content.Contacts, card)
		}
	}
	return nil
}

// appendText appends the text unless it is empty.
func appendText(list []string, text string) []string {
	if text == "" {
		return list
	}
	return append(list, text)
}

func readOrder(raw json.RawMessage, out *channel.Inbound) error {
	var v struct {
		CatalogID string `json:"catalog_id"`
		Text      string `json:"text"`
		Items     []struct {
			ProductID string      `json:"product_retailer_id"`
			Quantity  json.Number `json:"quantity"`
			Price     json.Number `json:"item_price"`
			Currency  string      `json:"currency"`
		} `json:"product_items"`
	}
	if err := decode("order", raw, &v); err != nil {
		return err
	}
	order := &channel.Order{CatalogID: v.CatalogID, Items: []channel.OrderItem{}}
	for _, i := range v.Items {
		if item := channel.OrderItem(i); item != (channel.OrderItem{}) {
			order.Items = append(order.Items, item)
		}
	}
	out.Kind, out.Text, out.Content.Order = channel.KindOrder, v.Text, order
	return nil
}

// readUnsupported keeps the name of a type that is shown as a placeholder.
func readUnsupported(kind string, body map[string]json.RawMessage, out *channel.Inbound) error {
	var v struct {
		Type string `json:"type"` // Meta's name of what the customer really sent, when it tells
	}
	if raw := body["unsupported"]; len(raw) > 0 {
		_ = json.Unmarshal(raw, &v) // only a label depends on it
	}
	out.Kind, out.Content.Label = channel.KindUnsupported, clip(first(v.Type, kind, "unsupported"), 64)
	return nil
}

// first returns the first of the strings that is not empty.
func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
