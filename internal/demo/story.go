package demo

import (
	"cmp"
	"slices"
	"time"
)

const (
	day  = 24 * time.Hour
	hour = time.Hour
	mins = time.Minute
)

// Length is how long ago the business was founded.
const Length = 3*day + hour

// What is quoted again later.
const (
	soon    = "It went to a parcel shop by mistake. They bring it to your door tomorrow before noon."
	lid     = "A new lid leaves our warehouse today, you will have it by Thursday. No need to send anything back."
	address = "Yes, until tonight. What is the new address?"
)

// moment is a beat before it has a name.
type moment struct {
	ago time.Duration
	act act
}

func at(ago time.Duration, does act) moment { return moment{ago, does} }

// scene is what happened with one customer.
type scene struct {
	customer
	moments []moment
}

// beats returns everything that happened, the oldest first. A beat's name is its place: the scene, and the moment in it.
func beats() []beat {
	var all []beat
	for _, s := range scenes() {
		for i, m := range s.moments {
			all = append(all, beat{name: nameOf(s.customer, i+1), ago: m.ago, who: s.customer, act: m.act})
		}
	}
	slices.SortStableFunc(all, func(a, b beat) int { return cmp.Compare(b.ago, a.ago) })
	return all
}

// scenes returns the demo's customers with what happened, in no order.
func scenes() []scene { return append(helpLine(), shop()...) }

func helpLine() []scene {
	return []scene{
		{customer{"Lena", "+447700900101", 0}, []moment{
			at(3*day, says("Hello! My order #4471 was due on Monday and still is not here.")),
			at(3*day-4*mins, claims("Mira")),
			at(3*day-6*mins, replies("Mira", "Hi Lena, I am sorry about that. I am asking the courier right now.")),
			at(3*day-9*mins, looks),
			at(3*day-40*mins, replies("Mira", soon)),
			at(3*day-44*mins, looks),
			at(3*day-45*mins, says("That works, thank you!")),
			at(3*day-45*mins, reacts("❤️", soon)),
			at(3*day-50*mins, resolves("Mira")),
		}},
		{customer{"Tomás", "+447700900102", 0}, []moment{
			at(95*mins, shows(picture(0x8d5524, 0xc68642), "The lid arrived cracked. Can you replace it?")),
			at(94*mins, says("Order #4502, delivered this morning.")),
			at(88*mins, claims("Mira")),
			at(87*mins, replies("Mira", "Oh no! Of course. Is the box itself all right?")),
			at(80*mins, looks),
			at(79*mins, says("Yes, only the lid.")),
			at(76*mins, replies("Mira", lid)),
			at(70*mins, looks),
			at(69*mins, reacts("🙏", lid)),
		}},
		{customer{"Priya", "+447700900103", 0}, []moment{
			at(47*mins, says("Hi, where do I drop off a return?")),
			at(46*mins, isAt(51.5033, -0.1196, "Waterloo Station", "Station Approach, London")),
			at(46*mins, says("I am here until six.")),
		}},
		{customer{"Oskar", "+447700900104", 0}, []moment{
			at(26*hour, says("Can I still change the delivery address?")),
			at(26*hour-9*mins, claims("Jonas")),
			at(26*hour-12*mins, failsToReply("Jonas", address)),
			at(5*hour, says("Sorry, my phone was off all day. Is it too late?")),
			at(5*hour-6*mins, retries("Jonas", address)),
			at(5*hour-30*mins, looks),
			at(5*hour-31*mins, says("14 Mill Lane, same town. Thanks!")),
		}},
		{customer{"Grace", "+447700900105", 0}, []moment{
			at(7*hour, says("The replacement part is back in stock next week, right? Please remind me then.")),
			at(7*hour-10*mins, claims("Mira")),
			at(7*hour-14*mins, replies("Mira", "It is! I will write to you as soon as it is on the shelf.")),
			at(7*hour-20*mins, looks),
			at(7*hour-21*mins, snoozes("Mira", 5*day)),
		}},
		{customer{"Yusuf", "+447700900106", 0}, []moment{
			at(12*mins, says("Good afternoon, I was charged twice for order #4519.")),
			at(11*mins, shows(picture(0x1f6f8b, 0x99a8b2), "Here is the statement")),
			at(10*mins, corrects(1, "Good afternoon, I was charged twice for order #4520.")),
		}},
		{customer{"Hanna", "+447700900107", 0}, []moment{
			at(31*hour, says("Do you ship to Norway?")),
			at(31*hour-15*mins, claims("Jonas")),
			at(31*hour-18*mins, replies("Jonas", "We do, in three to five days. Shall I send you the rates?")),
			at(30*hour, looks),
		}},
		{customer{"Ben", "+447700900108", 0}, []moment{
			at(3*mins, writes(map[string]any{"raw": map[string]any{"type": "interactive", "interactive": map[string]any{
				"type": "button_reply", "button_reply": map[string]any{"id": "track", "title": "Track my order"}}}})),
			at(2*mins, says("It is #4533")),
		}},
	}
}

func shop() []scene {
	return []scene{
		{customer{"Sofia", "+447700900201", 1}, []moment{
			at(2*day, notifies("order_shipped", "Sofia", "#4498")),
			at(2*day-30*mins, looks),
			at(20*hour, says("It came today, it is beautiful! Do you have the same in walnut?")),
			at(20*hour-5*mins, claims("Jonas")),
			at(20*hour-8*mins, replies("Jonas", "So glad you like it! Walnut is coming in spring. I can put you on the list.")),
			at(19*hour, looks),
			at(19*hour-2*mins, says("Yes please 😊")),
			at(19*hour-5*mins, resolves("Jonas")),
		}},
		{customer{"Kwame", "+447700900202", 1}, []moment{
			at(28*mins, says("Hi! We furnish a small hotel and need 24 bedside tables. Who can I talk to?")),
			at(21*mins, claims("Amara")),
			at(19*mins, replies("Amara", "Hello Kwame, you are talking to her! For 24 pieces I can offer 15 % off. When do you need them?")),
			at(17*mins, looks),
			at(16*mins, says("By the end of March, delivered in two lots. And can the drawers have brass handles?")),
		}},
		{customer{"Ines", "+447700900203", 1}, []moment{
			at(9*hour, says("Is the oak bench still available?")),
			at(9*hour-20*mins, claims("Amara")),
			at(9*hour-24*mins, failsToReply("Amara", "One is left. Shall I keep it for you until tomorrow?")),
		}},
		{customer{"Mateo", "+447700900204", 1}, []moment{
			at(6*mins, writes(map[string]any{"raw": map[string]any{"type": "contacts", "contacts": []any{map[string]any{
				"name":   map[string]any{"formatted_name": "Rosa", "first_name": "Rosa"},
				"phones": []any{map[string]any{"phone": "+44 7700 900250", "wa_id": "447700900250", "type": "WORK"}}}}}})),
			at(5*mins, says("Please arrange the fitting with Rosa, my sister. I am travelling.")),
		}},
	}
}

// Customers returns the names of everybody who writes in the story.
func Customers() []string {
	var names []string
	for _, s := range scenes() {
		names = append(names, s.name)
	}
	return names
}
