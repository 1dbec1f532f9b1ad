// Package live fans a tenant's events out to subscribers in memory. One reader per tenant reads each new event once, with what it points
// to, however many subscribers there are. It knows nothing of GraphQL: it offers items to audiences, which say who may see what, and
// hands them to takers, which send them on.
//
// What it keeps true, for every subscriber and every tenant: events are offered in the order of their numbers, each once, none left
// out; when that cannot be kept, the subscription ends with a reason and never silently. An event that changes what somebody may
// see takes effect before the event after it.
//
// A subscriber is either live, and served by the tenant's reader, or catching up, and served by a goroutine of its own from history; it
// turns live under the lock under which the reader advances, so nothing can fall between. A subscriber whose buffer is full turns
// to catching up, at its own pace, and is given up when it takes nothing for a while.
//
// Imports: inbox, fault, faultpoint.
package live
