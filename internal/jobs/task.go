package jobs

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// The names of tasks, as they stand in Redis.
const (
	taskDrain    = "outbound:drain"
	taskWake     = "conversation:wake"
	taskFetch    = "media:fetch"
	taskCallback = "alert:callback"
)

// taskVersion grows when payloads change; a process that does not know a version leaves the task to one that does.
const taskVersion = 1

const (
	queue       = "default"
	taskTimeout = 2 * time.Minute
	// maxRetry is never used up: handlers return no error. It is high because Asynq counts a worker's death as a failure.
	maxRetry = 1000
	bellLife = 15 * time.Second
)

var errVersion = errors.New("task of an unknown version")

// payload is what every task carries: ids, and nothing that anybody would mind finding in Redis.
type payload struct {
	V      int       `json:"v"`
	Tenant uuid.UUID `json:"tenant"`
	ID     uuid.UUID `json:"id"` // the channel account, conversation, attachment or alert
	Gen    int64     `json:"gen,omitempty"`
}

func (p payload) tenant() inbox.TenantID { return inbox.TenantOf(p.Tenant) }

// ring is one task to enqueue.
type ring struct {
	name string
	payload
	at time.Time // zero: now
}

// key names the ring in TaskIDs and bells: one at a time of a kind is enough, and of the snoozes of a conversation one each.
func (r ring) key() string {
	if r.Gen == 0 {
		return r.name + ":" + r.ID.String()
	}
	return r.name + ":" + r.ID.String() + ":" + strconv.FormatInt(r.Gen, 10)
}

func (r ring) task() (*asynq.Task, error) {
	r.V = taskVersion
	encoded, err := json.Marshal(r.payload)
	if err != nil {
		return nil, err
	}
	return asynq.NewTask(r.name, encoded, asynq.Queue(queue), asynq.MaxRetry(maxRetry), asynq.Timeout(taskTimeout)), nil
}

func parse(task *asynq.Task) (payload, error) {
	var p payload
	if err := json.Unmarshal(task.Payload(), &p); err != nil {
		return p, errVersion
	}
	if p.V != taskVersion || p.Tenant == uuid.Nil || p.ID == uuid.Nil {
		return p, errVersion
	}
	return p, nil
}
