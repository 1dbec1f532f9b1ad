import type { GraphQLFormattedError } from "graphql";
import type { CombinedError } from "urql";

/** The server's codes, and NETWORK for when there was no answer. */
export type ErrorCode =
  | "INVALID"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "CONFLICT"
  | "ALREADY_CLAIMED"
  | "REPLY_WINDOW_CLOSED"
  | "IDEMPOTENCY_KEY_REUSED"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "INTERNAL"
  | "NETWORK";

/** Why a request failed. `message` may be shown to the agent as it is. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfter: number | null;

  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, retryAfter: number | null = null) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.details = details;
    this.retryAfter = retryAfter;
  }

  /**
   * Whether the same request with the same idempotency key may be sent again: nothing is known about its outcome, or the server
   * asked to wait. INTERNAL counts too: the server promises that one key has one effect.
   */
  get transient(): boolean {
    return this.code === "NETWORK" || this.code === "UNAVAILABLE" || this.code === "RATE_LIMITED" || this.code === "INTERNAL";
  }

  /** The agent named by ALREADY_CLAIMED. */
  get holder(): string | null {
    const holder = this.details.holder;
    if (typeof holder === "string") return holder;
    if (typeof holder === "object" && holder !== null && "name" in holder) return String(holder.name);
    return null;
  }
}

const unreachable = "Switchboard cannot be reached.";

export function networkError(): ApiError {
  return new ApiError("NETWORK", unreachable);
}

export function fromGraphQL(error: Pick<GraphQLFormattedError, "message" | "extensions">): ApiError {
  const extensions: Record<string, unknown> = { ...error.extensions };
  const nested = extensions.details;
  const details = { ...extensions, ...(typeof nested === "object" && nested !== null ? nested : {}) };
  const code = typeof extensions.code === "string" ? (extensions.code as ErrorCode) : "INTERNAL";
  const retryAfter = typeof extensions.retryAfter === "number" ? extensions.retryAfter : null;
  return new ApiError(code, asSentence(error.message), details, retryAfter);
}

export function fromCombined(error: CombinedError): ApiError {
  const [first] = error.graphQLErrors;
  if (first) return fromGraphQL({ message: first.message, extensions: first.extensions });
  return networkError();
}

/** The server writes messages to go on after a colon; here they stand alone. */
function asSentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

/** Any thrown thing as an ApiError. A thing that is none of ours is a defect in this page, and says so. */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  return new ApiError("INTERNAL", thrown instanceof Error ? thrown.message : "Something went wrong in this page.");
}
