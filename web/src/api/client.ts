import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { type AnyVariables, Client, fetchExchange, type OperationResult } from "urql";
import { ApiError, fromCombined } from "./errors";
import type { Session } from "./session";

const timeout = 15_000;

/**
 * Queries and mutations over HTTP. urql runs them without a cache of its own: what is live must have one home, and that is the
 * versioned store that the subscriptions feed.
 */
export class Api {
  #session: Session;
  #client: Client;

  constructor(session: Session) {
    this.#session = session;
    this.#client = new Client({
      url: "/graphql",
      exchanges: [fetchExchange],
      preferGetMethod: false,
      requestPolicy: "network-only",
    });
  }

  query<D, V extends AnyVariables>(document: TypedDocumentNode<D, V>, variables: V): Promise<D> {
    return this.#run((context) => this.#client.query(document, variables, context).toPromise());
  }

  mutate<D, V extends AnyVariables>(document: TypedDocumentNode<D, V>, variables: V): Promise<D> {
    return this.#run((context) => this.#client.mutation(document, variables, context).toPromise());
  }

  async #run<D>(send: (context: { fetchOptions: RequestInit }) => Promise<Answer<D>>, again = true): Promise<D> {
    const token = await this.#session.token();
    const result = await send({
      // A request into a dead network would otherwise hang for minutes, and with it everything that waits behind it.
      fetchOptions: { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(timeout) },
    });
    if (result.error) {
      const error = fromCombined(result.error);
      if (error.code !== "UNAUTHENTICATED" || !again) throw error;
      this.#session.refuse(token);
      return this.#run(send, false);
    }
    if (!result.data) throw new ApiError("INTERNAL", "The server gave no answer.");
    return result.data;
  }
}

type Answer<D> = Pick<OperationResult<D>, "data" | "error">;
