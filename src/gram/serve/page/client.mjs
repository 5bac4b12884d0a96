// Requests to the server. Errors are thrown as a Refusal.

import { Refusal } from "./refusal.mjs";

let token = "";

/** Set the bearer token of later requests. */
export const setToken = (value) => { token = value.trim(); };

async function ask(path, body, signal) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(body && { "Content-Type": "application/json" }) };
  let response;
  try {
    response = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The server does not answer; check that it is running and try again.");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refusal(response.status, problem.detail ?? `The server answered with status ${response.status}.`, problem.field);
}

/** The tasks that are served. */
export const tasks = async () => (await (await ask("v1/tasks")).json()).tasks;

/** Samples of a task without puzzles: {samples, complete}. */
export async function generate(task, options, signal) {
  return (await ask(`v1/${task}/generate`, options, signal)).json();
}

/** The answer to one puzzle; `watch(step)` is called after each supervision step. */
export async function stream(task, puzzle, options, watch, signal) {
  const response = await ask(`v1/${task}/stream`, { puzzles: puzzle, ...options }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = "";;) {
    const { done, value } = await reader.read();
    if (done) throw new Refusal(0, "The connection broke before the answer came; try again.");
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const { event, data } = Object.fromEntries(part.split("\n").map((line) => line.match(/^(\w*): ?(.*)$/).slice(1)));
      if (event === "step") watch(JSON.parse(data));
      if (event === "answer") return JSON.parse(data);
      if (event === "problem") throw new Refusal(500, JSON.parse(data).detail);
    }
  }
}

/** The maximum that the server allows for an option. */
export async function most(option) {
  const document = await (await ask("openapi.json")).json();
  return document.components.schemas.Solve.properties[option].maximum;
}
