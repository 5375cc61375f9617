// Saves a workflow, runs it and waits for the result. It is compiled with the client, to prove its types.
import { createClient, follow, unwrap, type WorkflowDocument } from "../src/index.js";

const document: WorkflowDocument = {
  name: "Greeting",
  active: true,
  nodes: [
    { id: "start", type: "manual", position: { x: 0, y: 0 } },
    { id: "greet", type: "set", data: { label: "Greet", params: { fields: { text: "Hello {{ $json.name }}" } } } },
  ],
  edges: [{ source: "start", target: "greet" }],
};

export async function main(baseUrl: string, token: string): Promise<void> {
  const client = createClient({ baseUrl, token });
  const workflow = unwrap(await client.POST("/api/v1/workflows", { body: document }));
  const started = unwrap(
    await client.POST("/api/v1/workflows/{id}/runs", {
      params: { path: { id: workflow.id }, header: { "Idempotency-Key": `greeting-${workflow.id}` } },
      body: { input: { name: "Ada" } },
    }),
  );
  for await (const run of follow(client, started.id)) {
    console.log(run.revision, run.status, run.output);
  }
}
