package meta

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// readContent reads the object that belongs to the message's type into out; the message was checked. A type that is not listed here, of today or
// of the future, is shown as a placeholder with its name; its bytes are kept.
func (m inbound) readContent(message channel.JSON, out *channel.Inbound) error {
	raw := message.Member(m.Type)
	if len(raw) == 0 && m.Errors.there { // Meta cannot pass the message on and says why
		return readUnsupported(m.Type, message, out)
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
	return readUnsupported(m.Type, message, out)
}

// decode reads a value of a message that was checked and cleaned as a whole. It must be there; name is what an error calls it.
func decode(name string, raw channel.JSON, v any) error {
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

func readText(raw channel.JSON, out *channel.Inbound) error {
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

func readMedia(kind string, raw channel.JSON, out *channel.Inbound) error {
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

func readLocation(raw channel.JSON, out *channel.Inbound) error {
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

// cardEntries is how many entries of one kind of a card are read: as many as are shown, and without memory of their own.
const cardEntries = 20

// card is one element of contacts[].
type card struct {
	Name struct {
		Formatted string `json:"formatted_name"`
		First     string `json:"first_name"`
	} `json:"name"`
	Org struct {
		Company string `json:"company"`
	} `json:"org"`
	Phones [cardEntries]struct {
		Phone string `json:"phone"`
		WAID  string `json:"wa_id"`
	} `json:"phones"`
	Emails [cardEntries]struct {
		Email string `json:"email"`
	} `json:"emails"`
	URLs [cardEntries]struct {
		URL string `json:"url"`
	} `json:"urls"`
}

func (c *card) shown() channel.ContactCard {
	shown := channel.ContactCard{Name: first(c.Name.Formatted, c.Name.First), Organization: c.Org.Company}
	for _, p := range c.Phones {
		shown.Phones = appendText(shown.Phones, first(p.Phone, phone(p.WAID)))
	}
	for _, e := range c.Emails {
		shown.Emails = appendText(shown.Emails, e.Email)
	}
	for _, u := range c.URLs {
		shown.URLs = appendText(shown.URLs, u.URL)
	}
	return shown
}

func readContacts(raw channel.JSON, out *channel.Inbound) error {
	if len(raw) == 0 {
		return malformed("contacts is missing")
	}
	out.Kind = channel.KindContacts
	var c card
	err := stream(raw, func(d *json.Decoder) (more bool, err error) {
		c = card{}
		if err := d.Decode(&c); err != nil {
			return false, err
		}
		shown := c.shown()
		// A card that says nothing is three bytes of a webhook and a hundred of memory.
		if shown.Name != "" || shown.Organization != "" || len(shown.Phones)+len(shown.Emails)+len(shown.URLs) > 0 {
			out.Content.Contacts = append(out.Content.Contacts, shown)
		}
		return true, nil
	})
	if err != nil {
		return mismatch("contacts", err)
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

// basket is the lines of product_items[] that say something.
type basket []channel.OrderItem

// UnmarshalJSON implements json.Unmarshaler.
func (b *basket) UnmarshalJSON(raw []byte) error {
	var line struct {
		ProductID string      `json:"product_retailer_id"`
		Quantity  json.Number `json:"quantity"`
		Price     json.Number `json:"item_price"`
		Currency  string      `json:"currency"`
	}
	nothing := line
	return stream(raw, func(d *json.Decoder) (more bool, err error) {
		line = nothing
		if err := d.Decode(&line); err != nil {
			return false, err
		}
		if item := channel.OrderItem(line); item != (channel.OrderItem{}) {
			*b = append(*b, item)
		}
		return true, nil
	})
}

func readOrder(raw channel.JSON, out *channel.Inbound) error {
	v := struct {
		CatalogID string `json:"catalog_id"`
		Text      string `json:"text"`
		Items     basket `json:"product_items"`
	}{Items: basket{}}
	if err := decode("order", raw, &v); err != nil {
		return err
	}
	out.Kind, out.Text, out.Content.Order = channel.KindOrder, v.Text, &channel.Order{CatalogID: v.CatalogID, Items: v.Items}
	return nil
}

// readUnsupported keeps the name of a type that is shown as a placeholder.
func readUnsupported(kind string, message channel.JSON, out *channel.Inbound) error {
	var v struct {
		Type string `json:"type"` // Meta's name of what the customer really sent, when it tells
	}
	if raw := message.Member("unsupported"); len(raw) > 0 {
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
