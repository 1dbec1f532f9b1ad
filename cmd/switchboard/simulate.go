package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/simulator"
)

func simulate(ctx context.Context, args []string) error {
	set := flags("simulate", "[--account 1055… --phone +15550001111 --name \"Main number\"]")
	account := simulator.Account{}
	set.StringVar(&account.PhoneNumberID, "account", "", "phone number id of a business; more can be added on the page's API")
	set.StringVar(&account.DisplayPhone, "phone", "", "its phone number")
	set.StringVar(&account.Name, "name", "Business", "its name")
	state := set.String("state", "", "directory that keeps chats and webhooks; empty: memory")
	if err := parse(set, args); err != nil {
		return err
	}
	e, err := readEnvironment(needs{})
	if err != nil {
		return err
	}
	config := simulator.Config{CallbackURL: e.SimulatorCallback, AppSecret: e.MetaAppSecret.Reveal(), StateDir: *state, Log: logger(e)}
	if config.CallbackURL == "" {
		config.CallbackURL = e.PublicBaseURL + "/webhooks/meta"
	}
	if account.PhoneNumberID != "" {
		config.Accounts = []simulator.Account{account}
	}
	s, listener, err := openSimulator(ctx, e.SimulatorAddr, config)
	if err != nil {
		return err
	}
	fmt.Printf("the simulator is at http://%s and posts to %s\n", listener.Addr(), config.CallbackURL)
	return runLayers(ctx, func() {}, simulation(s, listener, config.Log))
}

func openSimulator(ctx context.Context, address string, config simulator.Config) (*simulator.Simulator, net.Listener, error) {
	listener, err := listen(ctx, "SIMULATOR_ADDR", address)
	if err != nil {
		return nil, nil, err
	}
	s, err := simulator.New(config)
	if err != nil {
		return nil, nil, errors.Join(err, listener.Close())
	}
	return s, listener, nil
}

// simulation is the layer of the simulated vendor. Its page listens to a stream without end, so it is served without the product's
// limits; ending the simulator ends the streams.
func simulation(s *simulator.Simulator, listener net.Listener, log *slog.Logger) layer {
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	return layer{
		{"simulator", s.Run},
		{"simulator http", func(ctx context.Context) error {
			stop := context.AfterFunc(ctx, func() {
				patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
				defer cancel()
				if server.Shutdown(patience) != nil {
					_ = server.Close()
				}
			})
			defer stop()
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		}},
	}
}
