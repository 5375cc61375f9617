// Makes the world that expressions see. It serves one message and is then put back as it was, so that nothing in it
// outlives a step. Nothing here does I/O; the arguments are the only way out, and they only read.
(function (libraries, host) {
  "use strict";
  const { count, item, find, origin, random, say, link } = host;
  const { stringify } = JSON;
  const { freeze, keys, getPrototypeOf, getOwnPropertyNames, defineProperty, preventExtensions } = Object;
  const { isSafeInteger } = Number;
  const { isArray } = Array;
  const PlainPromise = Promise, PlainMap = Map;

  // Code from text would escape the check that an expression is one expression.
  const blocked = function Function() {
    throw new EvalError("an expression cannot make code from text");
  };
  const samples = [function () {}, function* () {}, async function () {}, async function* () {}];
  for (const sample of samples) defineProperty(getPrototypeOf(sample), "constructor", { value: blocked });
  blocked.prototype = Function.prototype;
  globalThis.Function = blocked;
  defineProperty(Math, "random", { value: { random() { return random(); } }.random });
  // The console is kept with the step.
  function shown(value) {
    if (typeof value === "string") return value;
    if (value instanceof Error) return `${value}`;
    try { return stringify(value) ?? `${String(value)}`; } catch { return String(value); }
  }
  const write = { log(...values) { say(values.map(shown).join(" ")); } }.log;
  const console = { log: write, info: write, debug: write, warn: write, error: write };
  preventExtensions(write);
  defineProperty(globalThis, "console", { value: console, writable: true, configurable: true });
  delete globalThis.eval;
  delete Error.prepareStackTrace;
  delete Error.stackTraceLimit;

  // Items of one step share this world. Nothing can be added to what all of them see; frozen it is not, for then no
  // object could have a key such as `constructor` by assignment.
  const isObject = (value) => (typeof value === "object" || typeof value === "function") && value !== null;
  const shared = getOwnPropertyNames(globalThis).map((name) => globalThis[name]).filter(isObject);
  const hidden = [[].values(), ""[Symbol.iterator](), new Map().values(), new Set().values(), ...samples];
  for (const one of shared) {
    preventExtensions(one);
    if (isObject(one.prototype)) preventExtensions(one.prototype);
  }
  for (const one of hidden) preventExtensions(getPrototypeOf(one));
  preventExtensions(globalThis);

  function deepFreeze(value) {
    if (isObject(value)) {
      for (const key of keys(value)) deepFreeze(value[key]);
      freeze(value);
    }
    return value;
  }

  const lists = new Map();
  let run, workflow, env, response, pageCount, moment, today, own, iteration;
  function list(node, port) {
    const key = port === undefined || port === null ? node : `${node} ${typeof port} ${port}`;
    let found = lists.get(key);
    if (found === undefined) {
      found = { node, port, length: count(node, port), items: new Map() };
      lists.set(key, found);
    }
    return found;
  }
  function at(list, index) {
    if (index < 0 || index >= list.length) return undefined;
    let found = list.items.get(index);
    if (found === undefined) {
      found = item(list.node, list.port, index);
      // A program that runs once may change what came in.
      if (!(own && list.node < 0)) deepFreeze(found);
      list.items.set(index, found);
    }
    return found;
  }
  function all(list) {
    const items = [];
    for (let index = 0; index < list.length; index++) items.push(at(list, index));
    return items;
  }
  // The item of a node that belongs to an item of the step.
  function matching(node, index) {
    if (node < 0) return at(list(node), index);
    const [port, place] = origin(node, index);
    return at(list(node, port), place);
  }
  function collection(node, index) {
    return freeze({
      all: (port) => all(list(node, port)),
      first: (port) => at(list(node, port), 0),
      last: (port) => { const items = list(node, port); return at(items, items.length - 1); },
      get item() { return matching(node, index); },
      itemMatching: (index) => matching(node, place(index)),
      get isExecuted() { try { count(node, undefined); return true; } catch { return false; } },
    });
  }
  function place(index) {
    if (isSafeInteger(index) && index >= 0) return index;
    throw new TypeError("itemMatching() takes the place of an item in this node's input, from 0 on");
  }

  // A link by which a person gives the run a signal.
  const resumeUrl = { resumeUrl(name) {
    if (typeof name === "string") return link(name);
    throw new TypeError("resumeUrl() takes the name of the signal");
  } }.resumeUrl;
  preventExtensions(resumeUrl);

  // From now on expressions belong to one message.
  function enter(time, ofProgram, round, ...constants) {
    // Who does not mention them does not see them.
    moment = libraries.dates?.now(time);
    today = moment?.startOf("day");
    own = ofProgram;
    iteration = round;
    const [ofRun] = constants;
    if (isObject(ofRun)) defineProperty(ofRun, "resumeUrl", { value: resumeUrl });
    [run, workflow, env, response, pageCount] = deepFreeze(constants);
  }
  function evaluate(expression, json, index, text) {
    const other = (name) => collection(find(`${name}`), index);
    return expression(
      json, collection(-1, index), other, run, workflow, env, moment, index, today, response, pageCount, iteration,
      text,
    );
  }
  // What a program gives. If it ran for all items, beside it stands which of them each element is, where any is one.
  function settle(value, all) {
    if (value === undefined) {
      throw new TypeError("the program gives nothing; return a list of objects, an object, or null for no items");
    }
    if (!all) return value;
    const input = lists.get(-1);
    if (!isArray(value) || input === undefined) return { value };
    const places = new PlainMap();
    input.items.forEach((item, index) => places.set(item, index));
    return { value, from: value.map((item) => places.get(item) ?? null) };
  }
  function toJson(value) {
    if (value instanceof PlainPromise) throw new TypeError("the result is a promise, and an expression cannot wait");
    return stringify(value);
  }
  // Brings libraries to what they are for.
  function extend({ DateTime, Duration, Interval, dates }, jmespath, intl) {
    libraries.dates = dates;
    libraries.jmespath = jmespath;
    libraries.intl = intl;
    const all = { DateTime, Duration, Interval, Intl: freeze(intl.Intl) };
    for (const name of keys(all)) globalThis[name] = all[name];
    for (const one of Object.values(intl.Intl)) {
      preventExtensions(one);
      preventExtensions(one.prototype);
    }
  }
  return [enter, evaluate, settle, toJson, extend];
})
