package main

import (
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/channel/meta"
)

// providers returns every provider this binary can speak to: one line each. It fails when one is configured wrongly.
func providers(e environment) (*channel.Registry, error) {
	whatsapp, err := meta.New(meta.Config{BaseURL: e.MetaBaseURL, Version: e.MetaVersion})
	if err != nil {
		return nil, err
	}
	return channel.NewRegistry(
		whatsapp,
	)
}
