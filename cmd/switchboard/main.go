// Command switchboard is the whole product in one binary: the API, the workers, the provider simulator, and what an operator does from
// a shell. It only wires: every part is built here and lives in its own package.
//
// Arguments are read with the standard library's flag package: a dozen commands with a handful of flags do not earn a framework.
//
// Imports: everything.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

func main() {
	faultpoint.Listen()
	os.Exit(run(os.Args[1:]))
}

// The exit codes of the program.
const (
	exitFailed = 1
	exitUsage  = 2
)

// errUsage means that the arguments could not be used; what is wrong has been printed.
var errUsage = errors.New("wrong arguments")

func run(args []string) int {
	c, rest := find(args)
	if c == nil {
		printHelp()
		return exitUsage
	}
	ctx, stop := untilSignal(context.Background())
	defer stop()
	switch err := c.run(ctx, rest); {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled): // told to stop before it had begun
		return 0
	case errors.Is(err, errUsage):
		return exitUsage
	default:
		fmt.Fprintln(os.Stderr, "switchboard "+c.name+": "+explain(err))
		return exitFailed
	}
}

// explain returns the error for a person at a shell: without codes where there is a message.
func explain(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Code != fault.Internal {
		text := f.Message
		if f.Field != "" {
			text = f.Field + ": " + text
		}
		if f.Code == fault.Unavailable && f.Err != nil {
			text += " (" + f.Err.Error() + ")"
		}
		return text
	}
	return strings.ReplaceAll(err.Error(), "\n", "\n  ")
}

// command is one thing the binary can do.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"serve", "serve the app, the API and webhooks", serve},
		{"work", "send messages, fetch files, wake snoozed conversations", work},
		{"dev", "run everything with private servers and demo data", dev},
		{"migrate", "bring the database to the newest schema", migrate},
		{"tenant create", "make a tenant", createTenant},
		{"tenant alerts", "choose where a tenant's alerts are posted", setAlertURL},
		{"team create", "make a team", createTeam},
		{"agent create", "make a person who answers", createAgent},
		{"agent disable", "end a person's sessions and refuse new ones", disableAgent},
		{"agent enable", "let a person who was disabled sign in again", enableAgent},
		{"apikey create", "make a key for another system", createAPIKey},
		{"apikey revoke", "end a key", revokeAPIKey},
		{"channel create", "connect a sender identity of a tenant", createChannel},
		{"channel credentials", "give a channel account other credentials, read from stdin", renewCredentials},
		{"secrets rewrap", "seal credentials anew under the first key; run it again after a stop", rewrap},
		{"epoch renew", "after a restore or a failover that lost commits: tell every client to query afresh", renewEpoch},
		{"replay", "apply quarantined webhook items again", replay},
		{"verify", "check what must hold in the database; exits with 1 when something does not", verify},
		{"simulate", "play the providers", simulate},
		{"version", "print the version", printVersion},
		{"help env", "list every environment variable", func(context.Context, []string) error { printEnvironment(); return nil }},
		{"help", "print this", func(context.Context, []string) error { printHelp(); return nil }},
	}
}

// find returns the command that the arguments begin with, and the arguments after it.
func find(args []string) (*command, []string) {
	all := commands()
	for words := min(2, len(args)); words > 0; words-- {
		name := strings.Join(args[:words], " ")
		if i := slices.IndexFunc(all, func(c command) bool { return c.name == name }); i >= 0 {
			return &all[i], args[words:]
		}
	}
	return nil, nil
}

func printHelp() {
	fmt.Fprint(os.Stderr, "switchboard: an omnichannel inbox\n\nusage: switchboard <command> [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(os.Stderr, "  %-15s %s\n", c.name, c.summary)
	}
	fmt.Fprint(os.Stderr, "\nEverything else is configured by environment variables: switchboard help env\n")
}

// flags returns the flag set of a command; its errors and its help are printed by parse.
func flags(name, usage string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.Usage = func() {
		_, _ = fmt.Fprintf(set.Output(), "usage: switchboard %s %s\n", name, usage)
		set.PrintDefaults()
	}
	return set
}

// parse reads the flags, of which the required ones must be there. Nothing may be left over.
func parse(set *flag.FlagSet, args []string, required ...string) error {
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	given := map[string]bool{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for _, name := range required {
		if !given[name] {
			_, _ = fmt.Fprintf(set.Output(), "the flag --%s is missing\n", name)
			set.Usage()
			return errUsage
		}
	}
	if set.NArg() > 0 {
		_, _ = fmt.Fprintf(set.Output(), "%q is not understood\n", set.Arg(0))
		set.Usage()
		return errUsage
	}
	return nil
}

func printVersion(_ context.Context, args []string) error {
	if err := parse(flags("version", ""), args); err != nil {
		return err
	}
	fmt.Println(version())
	return nil
}

// version returns the commit or tag that the binary was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (text == "" || text == "(devel)") {
			text = s.Value
		}
	}
	return text
}
