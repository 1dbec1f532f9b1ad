import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { type AnyVariables, Client, fetchExchange } from "urql";
import { LoginDocument, LogoutDocument, RefreshDocument, type LoginInput, type ViewerFieldsFragment } from "../gql/graphql";
import { Value } from "../lib/value";
import { uuid } from "../lib/uuid";
import { ApiError, fromCombined } from "./errors";
import { readSaved, savedKey, withRefreshLock, writeSaved } from "./saved";

export type Viewer = ViewerFieldsFragment;

export type SessionState =
  | { kind: "restoring"; trouble: boolean }
  | { kind: "signedOut"; reason: string | null }
  | { kind: "signedIn"; viewer: Viewer };

interface Access {
  token: string;
  expiresAt: number;
  renewAt: number;
}

interface Pair {
  accessToken: string;
  expiresAt: string;
  refreshToken: string;
  viewer: Viewer;
}

const ended = "Your session has ended. Sign in again.";

/**
 * The sign-in of this tab. The access token lives in memory only; see saved.ts for the refresh token. `renewed` is told of every new
 * access token, so that the live connection can move to it before the old one expires.
 */
export class Session {
  readonly state = new Value<SessionState>({ kind: "restoring", trouble: false });
  renewed: () => void = () => {};

  #access: Access | null = null;
  #refreshing: Promise<string> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #client = new Client({ url: "/graphql", exchanges: [fetchExchange], preferGetMethod: false });

  constructor() {
    addEventListener("storage", (event) => {
      // Signed out in another tab: this one follows. A new token in another tab is used at the next refresh.
      if (event.key === savedKey && event.newValue === null) this.#end(null);
    });
    const check = () => {
      // Timers stop while a laptop sleeps.
      if (this.#access && Date.now() >= this.#access.renewAt) this.#renew();
    };
    addEventListener("online", check);
    document.addEventListener("visibilitychange", check);
  }

  /** Continues the saved sign-in, if there is one; keeps trying while the server cannot be reached. */
  async restore(): Promise<void> {
    if (readSaved() === null) return this.#end(null);
    try {
      await this.token();
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.transient) {
        this.state.set({ kind: "restoring", trouble: true });
        setTimeout(() => void this.restore(), 2000);
      }
    }
  }

  async login(input: LoginInput): Promise<void> {
    const { login } = await this.#post(LoginDocument, { input });
    this.#accept(login);
  }

  async logout(): Promise<void> {
    const saved = readSaved();
    this.#end(null);
    if (!saved) return;
    try {
      await this.#post(LogoutDocument, { input: { refreshToken: saved.refreshToken } });
    } catch {
      // The tokens are gone from this browser; on the server the refresh token ends by its own expiry.
    }
  }

  /** Returns an access token that is good for a while. Fails with UNAUTHENTICATED after the sign-in ended. */
  async token(): Promise<string> {
    const access = this.#access;
    if (access && Date.now() < access.expiresAt - 5000) return access.token;
    return this.#refresh();
  }

  /** Tells that the server refused the token, whatever this machine's clock says. */
  refuse(token: string): void {
    if (this.#access?.token === token) this.#access = null;
  }

  #refresh(): Promise<string> {
    this.#refreshing ??= withRefreshLock(() => this.#trade()).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #trade(): Promise<string> {
    const saved = readSaved();
    if (saved === null) {
      this.#end(null);
      throw new ApiError("UNAUTHENTICATED", ended);
    }
    // The nonce is stored before the trade: when the answer is lost, or this tab is reloaded in the middle, the same trade is
    // repeated and the server hands out the same successor instead of taking it for a stolen token.
    const nonce = saved.nonce ?? uuid();
    writeSaved({ refreshToken: saved.refreshToken, nonce });
    try {
      const { refresh } = await this.#post(RefreshDocument, {
        input: { refreshToken: saved.refreshToken, clientNonce: nonce },
      });
      return this.#accept(refresh);
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.code === "UNAUTHENTICATED") this.#end(ended);
      throw thrown;
    }
  }

  #accept(pair: Pair): string {
    writeSaved({ refreshToken: pair.refreshToken, nonce: null });
    const expiresAt = Date.parse(pair.expiresAt);
    const lifetime = Math.max(expiresAt - Date.now(), 0);
    const renewAt = expiresAt - Math.max(Math.min(lifetime * 0.2, 60_000), 1000);
    this.#access = { token: pair.accessToken, expiresAt, renewAt };
    this.#schedule(renewAt - Date.now());
    this.state.update((old) =>
      // The same person: what is on the screen stays.
      old.kind === "signedIn" && old.viewer.agent.id === pair.viewer.agent.id ? old : { kind: "signedIn", viewer: pair.viewer },
    );
    this.renewed();
    return pair.accessToken;
  }

  #schedule(delay: number): void {
    clearTimeout(this.#timer);
    // A clock that is ahead of the server's must not turn this into a busy loop.
    this.#timer = setTimeout(() => this.#renew(), Math.max(delay, 5000));
  }

  #renew(): void {
    this.#refresh().catch((thrown: unknown) => {
      if (thrown instanceof ApiError && thrown.transient) this.#schedule(5000);
    });
  }

  #end(reason: string | null): void {
    clearTimeout(this.#timer);
    this.#access = null;
    writeSaved(null);
    if (this.state.get().kind !== "signedOut") this.state.set({ kind: "signedOut", reason });
  }

  async #post<D, V extends AnyVariables>(document: TypedDocumentNode<D, V>, variables: V): Promise<D> {
    const result = await this.#client.mutation(document, variables).toPromise();
    if (result.error) throw fromCombined(result.error);
    if (!result.data) throw new ApiError("INTERNAL", "The server gave no answer.");
    return result.data;
  }
}
