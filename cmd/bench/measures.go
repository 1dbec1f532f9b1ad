package main

// measures are the goals in their order.
func measures() []measure {
	return []measure{
		{"P1", "webhooks of 100 tenants", ">= 0.6", measureIngest(100, 0.6)},
		{"P2", "webhooks of one tenant", ">= 0.5", measureIngest(1, 0.5)},
		{"P3", "sending", ">= 2.5", measureSend},
		{"P4", "frames to 5,000 subscribers", ">= 0.8", measureFrames},
		{"P5", "statements a change", "<= 4", measureStatements},
		{"P6", "change to the last of 1,000", "<= 1.5 x + 5 ms", measureLast},
		{"P7", "lists", "<= 5 ms", measureList},
		{"P8", "mutations", ">= 0.5", measureWrites},
		{"P9", "GraphQL", ">= 0.5", measureGraphQL},
		{"P10", "memory", "<= 250 MiB", measureMemory},
		{"P11", "start", "<= 300 ms", measureStart},
		{"P12", "webhook to frame", "<= 2", measurePush},
		{"P13", "pick-up", "<= 15 ms", measurePickUp},
		{"P14", "noisy neighbour", "<= 1.5", measureNeighbour},
		{"P15", "watched ingest", ">= 0.9", measureWatched},
	}
}
