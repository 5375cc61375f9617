// The client: openapi-fetch over the generated types, and what a caller of this API needs besides.
import createFetchClient, { type Client as FetchClient } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths } from "./schema.js";
export type Workflow = components["schemas"]["Workflow"];
export type WorkflowDocument = components["schemas"]["WorkflowDocument"];
export type Run = components["schemas"]["RunWithSteps"];
export type Problem = components["schemas"]["Problem"];
export type Client = FetchClient<paths>;

/** A problem document as an exception. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.name = "ProblemError";
  }
}

export interface ClientOptions {
  /** The host, such as `https://api.example`. */
  baseUrl: string;
  /** A bearer token, or what gives one: it is asked before each request. */
  token: string | (() => string | Promise<string>);
  /** Another `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
}

/** A client of the API. */
export function createClient(options: ClientOptions): Client {
  const { baseUrl, token, fetch } = options;
  const client = createFetchClient<paths>(fetch ? { baseUrl, fetch } : { baseUrl });
  client.use({
    async onRequest({ request }) {
      request.headers.set("authorization", `Bearer ${typeof token === "string" ? token : await token()}`);
      return request;
    },
  });
  return client;
}

/** What an answer holds, an event stream's text aside; throws a `ProblemError` when it is a problem. */
export function unwrap<T>(answer: { data?: T; error?: unknown; response: Response }): Exclude<T, string | undefined> {
  if (answer.data !== undefined) {
    return answer.data as Exclude<T, string | undefined>;
  }
  const problem = answer.error as Problem | undefined;
  throw problem?.code ? new ProblemError(problem) : new Error(`status ${answer.response.status}`);
}

const ENDED: ReadonlySet<Run["status"]> = new Set(["succeeded", "failed", "cancelled", "timed_out"]);

/** The revisions of a run as they come, by long polling, to its end. */
export async function* follow(client: Client, id: string): AsyncGenerator<Run, void> {
  let after: number | undefined;
  for (;;) {
    const query = after === undefined ? {} : { wait: 25, after };
    const run = unwrap(await client.GET("/api/v1/runs/{id}", { params: { path: { id }, query } }));
    if (run.revision !== after) {
      yield run;
      after = run.revision;
    }
    if (ENDED.has(run.status)) {
      return;
    }
  }
}
