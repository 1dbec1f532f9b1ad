// Package jobs rings and answers doorbells over Asynq. A task carries ids only and means "look at this now": every schedule, attempt and
// lease is a row, so a Redis that is wiped, stalled or restored from an old snapshot costs time and nothing else. Handlers end
// without an error even when they fail, because the row, not the task, is what is tried again.
//
// Imports: inbox, outbound, channel, fault, asynq, go-redis.
package jobs
