// Sets luxon up: time zones are the host's, since the engine has none; English is the only language, and another one is
// an error. What is here is loaded for messages whose sources need it.
(function (luxon, host, Intl) {
  "use strict";
  const { zoneOffset, zoneName } = host;
  const { DateTime, Duration, Interval, IANAZone, SystemZone, FixedOffsetZone, Settings } = luxon;
  const { defineProperty, entries, getOwnPropertyNames, preventExtensions } = Object;
  const fail = (what) => { throw new TypeError(what); };

  Settings.defaultZone = FixedOffsetZone.utcInstance;
  Settings.defaultLocale = "en-US";
  define(IANAZone, { isValidZone(name) { return typeof name === "string" && zoneOffset(name, 0) !== undefined; } });
  define(IANAZone.prototype, {
    offset(time) { return zoneOffset(this.name, time) ?? NaN; },
    offsetName(time, { format } = {}) {
      if (format === "long") fail("the long names of time zones are not there; use their short names or offsets");
      return zoneName(this.name, time) ?? null;
    },
  });
  define(SystemZone.prototype, { offset() { return 0; }, offsetName() { return "UTC"; } });

  function define(object, properties) {
    for (const [name, value] of entries(properties)) {
      defineProperty(object, name, { value, writable: true, configurable: true });
    }
  }

  const PLURALS = {
    day: "days", month: "months", year: "years", week: "weeks", quarter: "quarters", hour: "hours", hr: "hours",
    hrs: "hours", minute: "minutes", min: "minutes", mins: "minutes", second: "seconds", sec: "seconds", secs: "seconds",
    millisecond: "milliseconds", ms: "milliseconds",
  };
  const plural = (unit) => PLURALS[unit] ?? unit;
  const singular = (unit) => plural(unit).replace(/s$/, "");
  // A number of units, or what luxon takes.
  const span = (amount, unit) => (typeof amount === "number" && unit !== undefined ? { [plural(unit)]: amount } : amount);

  function valid(date, what) {
    return date.isValid ? date : fail(`${what} is no date: ${date.invalidExplanation ?? date.invalidReason}`);
  }
  function of(value) {
    if (DateTime.isDateTime(value)) return value;
    if (value instanceof Date) return valid(DateTime.fromJSDate(value), "it");
    return typeof value === "number" ? ofNumber(value, "ms") : ofText(`${value}`);
  }
  const NUMBERS = ["ms", "s", "us", "excel"];
  // Days of spreadsheets begin at the end of 1899.
  const EXCEL = -2_209_161_600_000;
  function ofNumber(value, unit) {
    if (!NUMBERS.includes(unit)) fail(`toDateTime() takes one of ${NUMBERS.join(", ")}, not ${unit}`);
    const time = { ms: value, s: value * 1000, us: value / 1000, excel: value * 86_400_000 + EXCEL }[unit];
    return valid(DateTime.fromMillis(time), `${value}`);
  }
  function ofText(text, format) {
    const what = `"${text.slice(0, 100)}"`;
    if (NUMBERS.includes(format)) return ofNumber(Number(text), format);
    if (format) return valid(DateTime.fromFormat(text, format), what);
    if (/^\d{11,}$/.test(text)) return ofNumber(Number(text), "ms");
    const iso = DateTime.fromISO(text, { setZone: true });
    for (const date of [iso, DateTime.fromRFC2822(text), DateTime.fromHTTP(text), DateTime.fromSQL(text)]) {
      if (date.isValid) return date;
    }
    return fail(`toDateTime(): ${what} is none of ISO 8601, RFC 2822, HTTP, SQL; say its format, as .toDateTime('dd.MM.yyyy')`);
  }

  const { plus, minus } = DateTime.prototype;
  define(DateTime.prototype, {
    plus(amount, unit) { return plus.call(this, span(amount, unit)); },
    minus(amount, unit) { return minus.call(this, span(amount, unit)); },
    format(format = "yyyy-MM-dd", options = {}) { return this.toFormat(format, options); },
    beginningOf(unit = "week") { return this.startOf(singular(unit)); },
    endOfMonth() { return this.endOf("month"); },
    extract(part = "week") {
      return part === "yearDayNumber" ? this.ordinal : this.get(part.startsWith("week") && part !== "weekday" ? "weekNumber" : singular(part));
    },
    isBetween(one, other) {
      const [from, to] = [of(one), of(other)];
      return from < to ? from < this && this < to : to < this && this < from;
    },
    isDst() { return this.isInDST; },
    isInLast(amount = 0, unit = "minutes") {
      const now = DateTime.now();
      return now.minus(amount, unit) <= this && this <= now;
    },
    diffTo(other, unit = "days") {
      const units = (Array.isArray(unit) ? unit : [unit]).map(plural);
      const span = this.diff(of(other), units);
      return units.length === 1 ? span.as(units[0]) : span.toObject();
    },
    diffToNow(unit) { return this.diffTo(DateTime.now(), unit); },
    toDateTime() { return this; },
  });

  // Nothing can be added to what all items see.
  for (const one of [luxon, ...Object.values(luxon)]) {
    if (typeof one !== "function" && one !== luxon) continue;
    preventExtensions(one);
    if (one.prototype) preventExtensions(one.prototype);
  }
  return {
    DateTime, Duration, Interval,
    dates: {
      of, ofText, ofNumber,
      isDateTime: (value) => DateTime.isDateTime(value),
      number: (value, locale, options) => new Intl.NumberFormat(locale, options).format(value),
      now: (time) => DateTime.fromMillis(time),
    },
  };
})
