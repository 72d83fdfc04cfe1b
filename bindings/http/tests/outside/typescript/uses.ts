// Uses the client that openapi-typescript generated as `client.ts`: uses.js ADDRESS KEY. What does not fit the text of OpenAPI does not
// compile.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./client.js";

const [address, key] = process.argv.slice(2);
assert(address && key);
const headers = { "X-Caseward-User": "lead" };
const client = createClient<paths>({ baseUrl: address, headers: { ...headers, Authorization: `Bearer ${key}` } });

assert.equal((await client.GET("/healthz")).response.status, 200);

const made = await client.POST("/v1/commands", {
  body: {
    command: "createRequest",
    on: 'Student::"ben"',
    context: { primaryContact: { type: "User", id: "lead" } },
  },
});
assert.equal(made.response.status, 200, JSON.stringify(made.error));
const id = (made.data as { made: string[] }).made[0]?.split('"')[1];
assert(id);

const resource = { type: "Request", id };
for (const [who, expected] of [["lead", true], ["rata-lead", false]] as const) {
  const { data } = await client.POST("/access/v1/evaluation", {
    body: { subject: { type: "User", id: who }, action: { name: "viewSummary" }, resource },
  });
  const decision: components["schemas"]["Decision"] | undefined = data;
  assert.equal(decision?.decision, expected);
}
const found = await client.POST("/access/v1/search/subject", {
  body: { subject: { type: "User" }, action: { name: "viewSummary" }, resource },
});
assert(found.data?.results.some((one) => one.id === "lead"), JSON.stringify(found));

const listed = await client.GET("/v1/records/{type}", {
  params: { path: { type: "Request" }, query: { action: "viewSummary", limit: 10 } },
});
assert(JSON.stringify(listed.data).includes(id));
const path = (id: string) => ({ params: { path: { type: "Request", id } } });
assert.equal((await client.GET("/v1/records/{type}/{id}", path(id))).response.status, 200);
const absent = await client.GET("/v1/records/{type}/{id}", path("none"));
assert.equal(absent.response.status, 404);
assert.match(absent.error?.error ?? "", /not there/);

// @ts-expect-error: there is no such route.
await client.GET("/v1/nothing");
// @ts-expect-error: a list asks by which action.
await client.GET("/v1/records/{type}", { params: { path: { type: "Request" } } });

const stranger = createClient<paths>({ baseUrl: address, headers: { ...headers, Authorization: "Bearer cwk_made-up" } });
const refused = await stranger.GET("/v1/records/{type}/{id}", path(id));
assert.equal(refused.response.status, 401);
console.log("a generated client in TypeScript asks and is answered");
