package channel

import "encoding/json"

// Kind is what a message is, across providers.
type Kind string

// The kinds of message. A type that no constant names becomes KindUnsupported with Content.Label set, and is shown as a placeholder.
const (
	KindText        Kind = "TEXT"
	KindImage       Kind = "IMAGE"
	KindAudio       Kind = "AUDIO"
	KindVideo       Kind = "VIDEO"
	KindDocument    Kind = "DOCUMENT"
	KindSticker     Kind = "STICKER"
	KindLocation    Kind = "LOCATION"
	KindContacts    Kind = "CONTACTS"
	KindInteractive Kind = "INTERACTIVE" // an answer to a button, list or flow: Content.Reply
	KindOrder       Kind = "ORDER"
	KindSystem      Kind = "SYSTEM" // the vendor reports something about the customer, such as a changed number
	KindTemplate    Kind = "TEMPLATE"
	KindReaction    Kind = "REACTION"
	KindEdit        Kind = "EDIT"
	KindDeletion    Kind = "DELETION"
	KindUnsupported Kind = "UNSUPPORTED"
)

// Content is what a message holds beyond its text. It is stored as JSON in the message's row; only the fields of the message's
// Kind are set.
type Content struct {
	Label    string        `json:"label,omitzero"` // the vendor's own name of the type, for a placeholder
	Media    *Media        `json:"media,omitzero"`
	Location *Location     `json:"location,omitzero"`
	Contacts []ContactCard `json:"contacts,omitzero"`
	Reply    *Reply        `json:"reply,omitzero"`
	Order    *Order        `json:"order,omitzero"`
	Referral *Referral     `json:"referral,omitzero"`
	Template *Template     `json:"template,omitzero"`
	// Forwarded tells that the customer forwarded the message from elsewhere.
	Forwarded bool `json:"forwarded,omitzero"`
}

// Media names a file at the vendor.
type Media struct {
	ID       string `json:"id"` // the vendor's id of the file
	MIMEType string `json:"mimeType,omitzero"`
	SHA256   string `json:"sha256,omitzero"`
	Filename string `json:"filename,omitzero"`
	Voice    bool   `json:"voice,omitzero"`
	Animated bool   `json:"animated,omitzero"`
}

// Location is a point on the map, in degrees.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitzero"`
	Address   string  `json:"address,omitzero"`
	URL       string  `json:"url,omitzero"`
}

// ContactCard is one card of a shared address book entry.
type ContactCard struct {
	Name         string   `json:"name"`
	Organization string   `json:"organization,omitzero"`
	Phones       []string `json:"phones,omitzero"`
	Emails       []string `json:"emails,omitzero"`
	URLs         []string `json:"urls,omitzero"`
}

// Reply is the choice a customer made on a button, a list or a form.
type Reply struct {
	Type        string          `json:"type"` // the vendor's name: button_reply, list_reply, nfm_reply, button
	ID          string          `json:"id,omitzero"`
	Title       string          `json:"title,omitzero"`
	Description string          `json:"description,omitzero"`
	Form        json.RawMessage `json:"form,omitzero"` // the answers of a form
}

// Order is a basket a customer sent.
type Order struct {
	CatalogID string      `json:"catalogId,omitzero"`
	Items     []OrderItem `json:"items"`
}

// OrderItem is one line of an Order.
type OrderItem struct {
	ProductID string      `json:"productId"`
	Quantity  json.Number `json:"quantity,omitzero"`
	Price     json.Number `json:"price,omitzero"`
	Currency  string      `json:"currency,omitzero"` // ISO 4217
}

// Referral is the advertisement or post that brought the customer.
type Referral struct {
	SourceURL  string `json:"sourceUrl,omitzero"`
	SourceType string `json:"sourceType,omitzero"`
	SourceID   string `json:"sourceId,omitzero"`
	Headline   string `json:"headline,omitzero"`
	Body       string `json:"body,omitzero"`
}

// Template names a template approved at the vendor, with the values of its variables in order.
type Template struct {
	Name     string   `json:"name"`
	Language string   `json:"language"` // the vendor's language code, for example en_US
	Header   []string `json:"header,omitzero"`
	Body     []string `json:"body,omitzero"`
}
