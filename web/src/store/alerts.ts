import { openStream } from "../api/stream";
import { type AlertFieldsFragment, AlertEventsDocument, AlertsDocument } from "../gql/graphql";
import { Value } from "../lib/value";
import { keepLoading, type Live, type Phase } from "./live";

export type Alert = AlertFieldsFragment;

/** The open alerts, newest first. For supervisors and admins. */
export class Alerts {
  readonly open = new Value<readonly Alert[]>([]);
  readonly phase = new Value<Phase>({ kind: "loading" });
  /** The alert that opened last while this page was open. */
  readonly arrived = new Value<Alert | null>(null);

  #live: Live;
  #stopLoading: () => void = () => {};
  #stopStream: () => void = () => {};

  constructor(live: Live) {
    this.#live = live;
    this.#reload();
  }

  dispose(): void {
    this.#stopLoading();
    this.#stopStream();
  }

  #reload = (): void => {
    this.#stopLoading();
    this.#stopLoading = keepLoading(this.phase, async (alive) => {
      this.#stopStream();
      const { alerts } = await this.#live.api.query(AlertsDocument, {});
      if (!alive()) return;
      this.open.set(alerts.alerts);
      this.#stopStream = openStream(this.#live.link, {
        document: AlertEventsDocument,
        variables: {},
        after: alerts.cursor,
        pick: (data) => data.alertEvents,
        onItem: ({ alert }) => {
          const others = this.open.get().filter((one) => one.id !== alert.id);
          if (alert.closedAt) return this.open.set(others);
          this.open.set([alert, ...others].toSorted((a, b) => b.openedAt.localeCompare(a.openedAt)));
          this.arrived.set(alert);
        },
        onResync: this.#reload,
        onRefused: (error) => this.phase.set({ kind: "failed", error }),
      });
    });
  };
}
