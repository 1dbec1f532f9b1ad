package main

import (
	"context"
	"fmt"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/jobs"
)

func work(ctx context.Context, args []string) error {
	if err := parse(flags("work", ""), args); err != nil {
		return err
	}
	e, err := readEnvironment(needs{database: true, redis: true, keys: true, blob: true, provider: true})
	if err != nil {
		return err
	}
	p, err := openPlatform(ctx, e, logger(e), faultpoint.Clock())
	if err != nil {
		return err
	}
	defer p.close()
	p.log.Info("working", "admin", p.admin.Addr().String())
	return runLayers(ctx, p.stopping, p.ground(), p.workers())
}

// workers is the layer that does what was rung for.
func (p *platform) workers() layer {
	media := inbox.NewMedia(inbox.MediaConfig{
		Store: p.db, Providers: p.providers, Vault: p.vault, Blobs: p.blobs, Clock: p.clock, Log: p.log,
	})
	server := jobs.NewServer(jobs.Config{RedisURL: p.env.RedisURL.Reveal(), Log: p.log, Metrics: p.metrics}, p.bells, jobs.Handlers{
		Drain: p.outbound.Drain, Wake: p.inbox.Wake, Fetch: media.FetchMedia, CallBack: p.outbound.CallBack, Sweep: p.outbound.Sweep,
	})
	return layer{{"workers", server.Run}}
}

func replay(ctx context.Context, args []string) error {
	set := flags("replay", "--tenant acme")
	slug := set.String("tenant", "", "slug of the tenant")
	most := set.Int("most", 10_000, "how many items to read again")
	if err := parse(set, args, "tenant"); err != nil {
		return err
	}
	e, err := readEnvironment(needs{database: true, redis: true, keys: true, blob: true, provider: true})
	if err != nil {
		return err
	}
	e.AdminAddr = "127.0.0.1:0" // runs beside a server on the same machine
	p, err := openPlatform(ctx, e, logger(e), time.Now)
	if err != nil {
		return err
	}
	defer p.close()
	tenant, found, err := p.db.Operator().TenantBySlug(ctx, *slug)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("there is no active tenant with the slug %q", *slug)
	}
	done, err := p.newIngest().ReplayQuarantined(ctx, tenant, p.providers, *most)
	return tell(err, "applied", fmt.Sprint(done.Applied), "duplicate", fmt.Sprint(done.Duplicate), "still quarantined", fmt.Sprint(done.Quarantined))
}
