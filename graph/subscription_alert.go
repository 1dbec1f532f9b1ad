package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph/internal/gen"
	"github.com/switchboard-inbox/switchboard/graph/internal/view"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/live"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

const viewAlert = live.Gone + 1

// alertTopic is alertEvents, for supervisors and admins.
type alertTopic struct{}

func (*alertTopic) begin(_ context.Context, _ *Subscriptions, actor inbox.Actor) error {
	if !actor.Supervises() {
		return fault.New(fault.Forbidden, "alerts are for supervisors and admins")
	}
	return nil
}

func (*alertTopic) key(inbox.Actor) string { return "" }

// Wants implements live.Audience.
func (*alertTopic) Wants(e *inbox.Event) bool {
	return e.AlertID != nil && (e.Kind == inbox.EventAlertOpened || e.Kind == inbox.EventAlertClosed)
}

// View implements live.Audience.
func (*alertTopic) View(_ *live.Item, actor inbox.Actor) live.View {
	if !actor.Supervises() {
		return live.Gone
	}
	return viewAlert
}

func (*alertTopic) reach(inbox.Beside) inbox.Reach { return inbox.Reach{} }

// show implements itemTopic. It returns an Internal error for an alert that is not there.
func (*alertTopic) show(ctx context.Context, c *cohort, item *live.Item, _ live.View) (any, error) {
	alerts, err := c.subscriptions.alerts(ctx, inbox.SystemActor(c.tenant), []uuid.UUID{*item.AlertID})
	if err != nil {
		return nil, err
	}
	if len(alerts) == 0 {
		return nil, fault.New(fault.Internal, "event %d names no alert that is there", item.Seq)
	}
	return gen.AlertEvent{Cursor: item.Cursor(), Alert: alertView(alerts[0])}, nil
}

func alertView(a outbound.Alert) *view.Alert { return &view.Alert{Alert: a} }
