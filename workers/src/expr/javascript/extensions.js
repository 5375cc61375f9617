// Methods of values, and functions beside them, that authors know from n8n: each does what its documentation there says.
// What they need of libraries is in `libraries` once that is loaded; `host` computes what JavaScript has no means for.
(function (libraries, host) {
  "use strict";
  const { recode, digest, uuid } = host;
  const { defineProperty, entries, keys } = Object;
  const { isArray } = Array;
  const { isInteger, isSafeInteger } = Number;
  const { stringify, parse } = JSON;
  const { floor, min, max, random } = Math;
  const PlainDate = Date, PlainRegExp = RegExp;

  function define(object, properties) {
    for (const [name, value] of entries(properties)) {
      defineProperty(object, name, { value, writable: true, configurable: true });
    }
  }
  function fail(what) { throw new TypeError(what); }
  function dates() {
    return libraries.dates ?? fail("write the names of functions of dates where they are called, so that they are there");
  }
  function numbers(list, name) {
    return list.every((one) => typeof one === "number") ? list : fail(`${name}(): all elements must be numbers`);
  }
  function isEmpty(value) {
    if (value === undefined || value === null || value === "") return true;
    if (typeof value !== "object" || value instanceof PlainDate || libraries.dates?.isDateTime(value)) return false;
    return (isArray(value) ? value : keys(value)).length === 0;
  }
  // Two values are the same when their JSON is.
  const identity = (value, fields) => {
    if (fields.length === 0 || typeof value !== "object" || value === null) return stringify(value) ?? typeof value;
    return stringify(fields.map((field) => value[field] ?? null));
  };

  const EMAIL = /[^\s<>()[\]\\,;:@"]+@((?:[-a-z0-9]+\.)+[a-z]{2,})/i;
  const URL = /(?:https?|ftp):\/\/(?:[-\w]+(?:\.[-\w]+)*)(?::\d+)?(?:[/?#]\S*)?/i;
  const DOMAIN =
    /^(?:mailto:|(?:(?:https?|ftp):)?\/\/)?((?:[-\w]+\.)+(?:[a-z]{2,}|xn--[a-z0-9]+)|localhost|\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?(?:[/?#]\S*)?$/i;

  function number(text, read, name) {
    const value = read(text.replace(new PlainRegExp("\\p{Sc}", "gu"), "").trim());
    return value === value ? value : fail(`${name}(): the text is no number`);
  }

  define(Object.prototype, {
    isEmpty() { return isEmpty(this); },
    isNotEmpty() { return !isEmpty(this); },
    toJsonString() { return stringify(this); },
  });

  define(String.prototype, {
    isEmpty() { return `${this}` === ""; },
    isNotEmpty() { return `${this}` !== ""; },
    toJsonString() { return stringify(`${this}`); },
    parseJson() {
      try {
        return parse(`${this}`);
      } catch (error) {
        throw new SyntaxError(`parseJson(): the text is no JSON: ${error.message}`);
      }
    },
    toNumber() { return number(`${this}`, Number, "toNumber"); },
    toInt(radix) { return number(`${this}`, (text) => parseInt(text, radix), "toInt"); },
    toFloat() {
      if (this.includes(",")) fail("toFloat(): a decimal point is a point, not a comma");
      return number(`${this}`, parseFloat, "toFloat");
    },
    toBoolean() { return !["", "false", "no", "0"].includes(this.toLowerCase()); },
    toDateTime(format) { return dates().ofText(`${this}`, format); },
    toTitleCase() { return this.replace(/[^\s-]+/g, (word) => word[0].toUpperCase() + word.slice(1)); },
    toSnakeCase() { return this.toLowerCase().replace(/[ -]/g, "_").replace(/[^\p{L}\p{N}_]/gu, ""); },
    extractEmail() { return EMAIL.exec(this)?.[0]; },
    extractUrl() { return URL.exec(this)?.[0]; },
    extractDomain() {
      const text = this.trim();
      const email = /\s/.test(text) ? null : EMAIL.exec(text);
      return (email ?? DOMAIN.exec(text))?.[1];
    },
    removeTags() { return this.replace(/<[^>]*>?/g, ""); },
    removeMarkdown() {
      return this
        .replace(/^[ \t]*(?:```|~~~).*$\n?/gm, "")
        .replace(/^[ \t]*\[[^\]]+\]:.*$\n?/gm, "")
        .replace(/^[ \t]*(?:=|-|\*|_){3,}[ \t]*$\n?/gm, "")
        .replace(/^([ \t]*)(?:[-*+]|\d+\.)[ \t]+/gm, "$1")
        .replace(/^[ \t]*#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$/gm, "$1")
        .replace(/^[ \t]*(?:>[ \t]?)+/gm, "")
        .replace(/!\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, "")
        .replace(/\[\^[^\]]+\]/g, "")
        .replace(/\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, "$1")
        .replace(/<\/?[a-z][^>]*>/gi, "")
        .replace(/~~/g, "")
        .replace(/(\*{1,3}|_{1,3})(\S(?:[^\n]*?\S)?)\1/g, "$2")
        .replace(/`([^`\n]+)`/g, "$1")
        .replace(/\n{3,}/g, "\n\n");
    },
    urlEncode(whole = false) { return (whole ? encodeURI : encodeURIComponent)(this); },
    urlDecode(whole = false) { return (whole ? decodeURI : decodeURIComponent)(this); },
    base64Encode() { return recode(`${this}`, "utf8", "base64"); },
    base64Decode() { return recode(`${this}`, "base64", "utf8"); },
    hash(algorithm = "md5") { return digest(`${algorithm}`.toLowerCase(), null, recode(`${this}`, "utf8", "latin1")); },
  });

  define(Array.prototype, {
    first() { return this[0]; },
    last() { return this[this.length - 1]; },
    isEmpty() { return this.length === 0; },
    isNotEmpty() { return this.length > 0; },
    toJsonString() { return stringify(this); },
    unique(...fields) {
      const seen = new Set();
      return this.filter((value) => {
        const own = identity(value, fields);
        return !seen.has(own) && seen.add(own);
      });
    },
    pluck(...fields) {
      if (fields.length === 0) return [...this];
      const plucked = [];
      for (const value of this) {
        if (typeof value !== "object" || value === null) continue;
        const found = fields.filter((field) => Object.hasOwn(value, field)).map((field) => value[field]);
        if (found.length > 0) plucked.push(found.length === 1 ? found[0] : found);
      }
      return plucked;
    },
    compact() { return this.filter((value) => !isEmpty(value)); },
    chunk(size) {
      if (!isInteger(size) || size < 1) fail("chunk() takes how many elements a part has, from 1 on");
      const parts = [];
      for (let at = 0; at < this.length; at += size) parts.push(this.slice(at, at + size));
      return parts;
    },
    sum() { return numbers(this, "sum").reduce((sum, one) => sum + one, 0); },
    average() { return this.length === 0 ? 0 : numbers(this, "average").sum() / this.length; },
    min() { return numbers(this, "min").reduce((least, one) => min(least, one), Infinity); },
    max() { return numbers(this, "max").reduce((most, one) => max(most, one), -Infinity); },
    randomItem() { return this[floor(random() * this.length)]; },
  });

  define(Number.prototype, {
    round(places = 0) { return +this.toFixed(places); },
    floor() { return floor(this); },
    ceil() { return Math.ceil(this); },
    abs() { return Math.abs(this); },
    isEven() { return isInteger(+this) ? this % 2 === 0 : fail("isEven() is asked of a whole number"); },
    isOdd() { return isInteger(+this) ? this % 2 !== 0 : fail("isOdd() is asked of a whole number"); },
    toBoolean() { return +this !== 0; },
    toInt() { return Math.round(this); },
    toFloat() { return +this; },
    toNumber() { return +this; },
    format(locale, options) { return dates().number(+this, locale, options); },
    toDateTime(unit = "ms") { return dates().ofNumber(+this, unit); },
  });

  // Those of dates are those of luxon's, for `Date` too.
  const ofDates = ["plus", "minus", "beginningOf", "endOfMonth", "extract", "format", "isBetween", "isDst", "isInLast",
    "diffTo", "diffToNow"];
  define(Date.prototype, {
    ...Object.fromEntries(ofDates.map((name) => {
      const { [name]: method } = { [name](...given) { return dates().of(this)[name](...given); } };
      return [name, method];
    })),
    // luxon has it as a property.
    isWeekend() { return dates().of(this).isWeekend; },
    toDateTime() { return dates().of(this); },
  });

  class Buffer extends Uint8Array {
    static from(value, encoding = "utf8") {
      if (typeof value !== "string") return super.from(value instanceof ArrayBuffer ? new Uint8Array(value) : value);
      const latin1 = recode(value, `${encoding}`.toLowerCase(), "latin1");
      return super.from(latin1, (character) => character.charCodeAt(0));
    }
    static isBuffer(value) { return value instanceof Buffer; }
    static byteLength(value, encoding) { return Buffer.from(value, encoding).length; }
    static concat(list) { return Buffer.from(list.flatMap((one) => [...one])); }
    toString(encoding = "utf8") { return recode(binary(this), "latin1", `${encoding}`.toLowerCase()); }
    toJSON() { return { type: "Buffer", data: [...this] }; }
  }
  // The bytes as characters.
  function binary(bytes) {
    const parts = [];
    for (let at = 0; at < bytes.length; at += 4096) parts.push(String.fromCharCode(...bytes.subarray(at, at + 4096)));
    return parts.join("");
  }
  const bytesOf = (data, encoding) => binary(typeof data === "string" ? Buffer.from(data, encoding) : data);
  function hasher(algorithm, key) {
    const parts = [];
    return {
      update(data, encoding) { parts.push(bytesOf(data, encoding)); return this; },
      digest(encoding) {
        const hex = digest(`${algorithm}`.toLowerCase().replace(/^sha-/, "sha"), key, parts.join(""));
        return encoding === "hex" ? hex : encoding === undefined ? Buffer.from(hex, "hex") : recode(hex, "hex", encoding);
      },
    };
  }

  function $if(condition, yes, no) { return condition ? yes : no; }
  function $ifEmpty(value, instead) { return isEmpty(value) ? instead : value; }
  function $max(...values) { return max(...values); }
  function $min(...values) { return min(...values); }
  function $jmespath(value, query) {
    return (libraries.jmespath ?? fail("write $jmespath where it is called, so that it is there")).search(value, query);
  }
  function btoa(text) { return recode(`${text}`, "latin1", "base64"); }
  function atob(text) { return recode(`${text}`, "base64", "latin1"); }
  const crypto = {
    createHash(algorithm) { return hasher(algorithm, null); },
    createHmac(algorithm, key) { return hasher(algorithm, bytesOf(key)); },
    randomUUID() { return uuid(); },
  };
  define(globalThis, { $if, $ifEmpty, $max, $min, $jmespath, $jmesPath: $jmespath, Buffer, btoa, atob, crypto });
  // These are there once luxon is.
  define(globalThis, { DateTime: undefined, Duration: undefined, Interval: undefined, Intl: undefined });
})
