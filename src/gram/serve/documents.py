"""What the server says about itself: its tasks, and its OpenAPI document as JSON and as a self-contained page."""

import html
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from gram.fields import to_dict
from gram.serve.models import Served
from gram.serve.schema import SOLVING, options
from gram.serve.settings import Settings

PUZZLES = "One puzzle or a list of puzzles, as text; ARC: the JSON text, or lines of a puzzle's name and a grid."
SAMPLES = "Number of samples."
TRAJECTORIES = "Whether each event shows every trajectory: its board, certainty, value and halting logit."


def described(served: Served) -> dict[str, Any]:
    """One entry of /v1/tasks."""
    reasoner, solve = served.reasoner, served.reasoner.config.solve
    defaults = {name: value for name, value in to_dict(solve).items() if name in (*SOLVING, "halt_threshold")}
    return {
        "task": served.name,
        "weights": served.label,
        "arithmetic": reasoner.arithmetic,
        "ask": "generate" if served.generates else "solve",
        "length": reasoner.task.spec.length,
        "checked": reasoner.task.checkable,
        "defaults": defaults,
    }


def bodies(settings: Settings) -> dict[str, Any]:
    """The schemas of requests and responses."""
    one = {"type": "string", "minLength": 1}
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": settings.max_puzzles}
    puzzles = {"description": PUZZLES, "oneOf": [one, many]}
    shown = {"type": "boolean", "description": TRAJECTORIES}
    n = {"type": "integer", "minimum": 1, "maximum": settings.max_puzzles, "description": SAMPLES}
    problem = {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, in one sentence."},
        "field": {"type": "string", "description": "The field of the body."},
        "request_id": {"type": "string"},
    }
    return {
        "Solve": shape({"puzzles": puzzles} | options(settings), ["puzzles"], closed=True),
        "Stream": shape({"puzzles": puzzles, "trajectories": shown} | options(settings), ["puzzles"], closed=True),
        "Generate": shape({"n": n} | options(settings, drawing=True), [], closed=True),
        "Problem": shape(problem, ["type", "title", "status", "detail", "request_id"]),
    } | found()


def found() -> dict[str, Any]:
    """The schemas of what is found."""
    number, whole, text = ({"type": [kind, "null"]} for kind in ("number", "integer", "string"))
    answer = {
        "puzzle": {"type": "string"},
        "answer": text | {"description": "The answer as text; null if no valid one was found."},
        "valid": {
            "type": ["boolean", "null"],
            "description": "Whether it obeys all rules; null if the task cannot check.",
        },
        "distinct": {"type": "array", "items": {"type": "string"}, "description": "All distinct valid answers found."},
        "width": {"type": "integer"},
        "depth": {"type": "integer"},
        "steps": whole | {"description": "Supervision steps of the chosen trajectory."},
        "value": number | {"description": "The accuracy of the answer that the model predicts."},
        "seconds": {"type": "number"},
        "agreed": {"type": "integer", "description": "Trajectories that ended at this answer."},
        "finished": {"type": "integer", "description": "Trajectories that ended."},
        "evaluations": {"type": "integer", "description": "Rows times supervision steps."},
        "exist": whole
        | {"description": "Number of answers that exist, counted exactly; null if counting takes too long."},
        "unique": {
            "type": ["boolean", "null"],
            "description": "Whether the answer is the only one; null if finding out takes too long.",
        },
        "complete": {"type": "boolean", "description": "False if the deadline came first."},
        "number": {"type": "integer", "description": "Position of the puzzle in the request, from 1."},
    }
    cell = {"type": "integer", "minimum": 0, "maximum": 9}
    grid = {"type": "array", "items": {"type": "array", "items": cell}}
    proven = {"type": "boolean", "description": 'Whether distinct are all answers; only where want is "all".'}
    attempts = {
        "puzzle": {"type": "string", "description": "Name of the puzzle, or puzzle if the JSON has none."},
        "test": {"type": "integer", "description": "Position of the test input in the puzzle, from 1."},
        "attempts": {
            "type": "array",
            "items": grid,
            "description": "At most two attempts, most votes first.",
        },
        "votes": {"type": "array", "items": {"type": "integer"}, "description": "Votes of each attempt."},
        "value": {
            "type": "array",
            "items": {"type": "number"},
            "description": "Mean value of the voters of each attempt.",
        },
        "voters": {"type": "integer", "description": "Samples of all variants."},
        "right": whole
        | {"description": "The attempt that matches the output in the puzzle, 0 for neither; null if unknown."},
        "evaluations": answer["evaluations"],
        "seconds": answer["seconds"],
        "complete": answer["complete"],
    }
    sample = {
        "sample": {"type": "string", "description": "The sample as text, on one line."},
        "valid": {"type": ["boolean", "null"]},
        "steps": {"type": "integer"},
        "value": {"type": "number"},
    }
    either = {"anyOf": [refer("Answer"), refer("Attempts")], "description": "Attempts at ARC, answers elsewhere."}
    return {
        "Sample": shape(sample, list(sample)),
        "Samples": shape(
            {"samples": {"type": "array", "items": refer("Sample")}, "complete": answer["complete"]},
            ["samples", "complete"],
        ),
        "Answer": shape(answer | {"all": proven}, list(answer)),
        "Attempts": shape(attempts, list(attempts)),
        "Answers": shape({"answers": {"type": "array", "items": either}}, ["answers"]),
    }


def shape(properties: dict[str, Any], required: list[str], *, closed: bool = False) -> dict[str, Any]:
    """The schema of an object; a `closed` one has no other keys."""
    found = {"type": "object", "properties": properties, "required": required}
    return found | ({"additionalProperties": False} if closed else {})


def refer(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def content(schema: Any, kind: str = "application/json") -> dict[str, Any]:
    return {"content": {kind: {"schema": schema}}}


def problems(*statuses: int) -> dict[str, Any]:
    """The error responses."""
    says = {
        400: "The body is not a JSON object.",
        401: "The bearer token is missing or wrong.",
        404: "The task is not served.",
        408: "The body took too long to arrive.",
        413: "The body is too long.",
        422: "A field is invalid.",
        429: "The queue is full; Retry-After says when to try again.",
    }
    return {
        str(status): {"description": says[status]} | content(refer("Problem"), "application/problem+json")
        for status in statuses
    }


def post(summary: str, body: str, answer: Any, tasks: list[str]) -> dict[str, Any]:
    """The description of a POST under /v1/{task}."""
    where = {"name": "task", "in": "path", "required": True, "schema": {"type": "string", "enum": tasks}}
    answered = {"200": {"description": "Answered."} | answer}
    return {
        "post": {
            "summary": summary,
            "parameters": [where],
            "requestBody": {"required": True} | content(refer(body)),
            "responses": answered | problems(400, 401, 404, 408, 413, 422, 429),
        }
    }


def get(summary: str, kind: str = "application/json", *, guarded: bool = True) -> dict[str, Any]:
    """The description of a GET."""
    responses = {"200": {"description": "The current state."} | content({}, kind)} | (problems(401) if guarded else {})
    return {"get": {"summary": summary, "responses": responses} | ({} if guarded else {"security": []})}


def openapi(models: Mapping[str, Served], settings: Settings) -> dict[str, Any]:
    """The OpenAPI document."""
    solving = [served.name for served in models.values() if not served.generates]
    readiness = get("Whether the weights are loaded", guarded=False)
    readiness["get"]["responses"]["503"] = {"description": "Starting or stopping."}
    paths = {
        "/v1/tasks": get("The tasks that are served"),
        "/healthz": get("Whether the process is alive", guarded=False),
        "/readyz": readiness,
        "/metrics": get("Metrics for Prometheus", "text/plain"),
    }
    if solving:
        answer = content(refer("Answers"))
        paths["/v1/{task}/solve"] = post("Answer one or more puzzles", "Solve", answer, solving)
        named = {"type": "string", "enum": ["step", "answer", "problem"]}
        events = content(shape({"event": named, "data": {"type": "string"}}, ["event", "data"]), "text/event-stream")
        said = "Answer one puzzle with an event after each supervision step; the last event is the answer"
        paths["/v1/{task}/stream"] = post(said, "Stream", events, solving)
    if generating := [served.name for served in models.values() if served.generates]:
        drawn = content(refer("Samples"))
        paths["/v1/{task}/generate"] = post("Draw samples of a task without puzzles", "Generate", drawn, generating)
    secured = settings.token_file is not None
    scheme = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}} if secured else {}
    return {
        "openapi": "3.1.0",
        "info": {"title": "gram", "version": release(), "description": "Answers to puzzles by recursive reasoning."},
        "paths": paths,
        "components": {"schemas": bodies(settings)} | scheme,
    } | ({"security": [{"token": []}]} if secured else {})


def release() -> str:
    try:
        return version("gram-reasoning")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"


STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}
:root{color-scheme:light dark}
pre{overflow:auto;padding:.75rem;border:1px solid #8886;border-radius:.5rem}code{font-size:.9em}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;
border-bottom:1px solid #8884}"""


def page(document: dict[str, Any]) -> str:
    """The OpenAPI document as a page for people."""
    schemas = document["components"]["schemas"]
    parts = []
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            parts.append(f"<h2><code>{method.upper()} {html.escape(path)}</code></h2><p>{about['summary']}.</p>")
            for where in about.get("parameters", []):
                names = ", ".join(map(html.escape, where["schema"]["enum"]))
                parts.append(f"<p>{where['name']}: {names}</p>")
            if body := about.get("requestBody"):
                parts.append(rows(schemas[body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]]))
    named = {"Answer": "Answer", "ARC attempts": "Attempts", "Error": "Problem"}
    parts += [f"<h2>{title}</h2>{rows(schemas[name])}" for title, name in named.items()]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>gram: API</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<style>{STYLE}</style><main><h1>gram: API</h1>"
        '<p>The same as JSON: <a href="openapi.json">openapi.json</a>.</p>'
        f"{''.join(parts)}</main></html>"
    )


def rows(schema: dict[str, Any]) -> str:
    """The fields of an object as a table."""
    lines = []
    for name, field in schema["properties"].items():
        limits = {key: value for key, value in field.items() if key not in ("description", "properties", "required")}
        kind = html.escape(json.dumps(limits))
        lines.append(
            f"<tr><td><code>{name}</code><td>{html.escape(field.get('description', ''))}<td><code>{kind}</code>"
        )
    return f"<table><tr><th>Field<th>Meaning<th>Schema{''.join(lines)}</table>"
