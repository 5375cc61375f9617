// What there is of ECMA-402: dates, numbers and lists in English as it is written in the United States, in any time zone.
// Whatever else is asked for is an error that says so; nothing is passed over.
(function (host) {
  "use strict";
  const { zoneOffset, zoneName } = host;
  const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December"];
  const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

  function refuse(what) { throw new RangeError(what); }
  function english(locales) {
    const [first] = Array.isArray(locales) ? locales : [locales];
    if (first === undefined || /^en(-us)?(-u-.*)?$/i.test(first)) return "en-US";
    return refuse(`the locale "${first}" is not available: only en-US is`);
  }
  // Takes options apart: each is one of its words (or anything, where there are none), or missing.
  function chosen(options, known) {
    const given = {};
    for (const [name, value] of Object.entries(options ?? {})) {
      const words = known[name];
      if (words === undefined) refuse(`the option ${name} is not available`);
      if (value === undefined) continue;
      if (words !== null && !words.includes(value)) {
        refuse(`${name} is one of ${words.join(", ")}, not ${value}; others are not available`);
      }
      given[name] = value;
    }
    return given;
  }

  const NUMERIC = ["numeric", "2-digit"], NAMES = ["long", "short", "narrow"];
  const STYLES = ["full", "long", "medium", "short"];
  const OF_DATES = {
    weekday: NAMES, year: NUMERIC, month: [...NUMERIC, ...NAMES], day: NUMERIC, hour: NUMERIC, minute: NUMERIC,
    second: NUMERIC, fractionalSecondDigits: [1, 2, 3], timeZoneName: ["short"], hour12: [true, false],
    hourCycle: ["h11", "h12", "h23", "h24"], timeZone: null, dateStyle: STYLES, timeStyle: STYLES,
    calendar: ["gregory"], numberingSystem: ["latn"], localeMatcher: null, formatMatcher: null,
  };
  const DATE = {
    full: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
    long: { year: "numeric", month: "long", day: "numeric" },
    medium: { year: "numeric", month: "short", day: "numeric" },
    short: { year: "2-digit", month: "numeric", day: "numeric" },
  };
  const CLOCK = { hour: "numeric", minute: "2-digit" };
  const TIME = {
    full: { ...CLOCK, second: "2-digit", timeZoneName: "short" },
    long: { ...CLOCK, second: "2-digit", timeZoneName: "short" },
    medium: { ...CLOCK, second: "2-digit" },
    short: CLOCK,
  };
  const two = (number) => `${number}`.padStart(2, "0");
  const named = (name, how) => (how === "long" ? name : name.slice(0, how === "narrow" ? 1 : 3));

  const OF_DATE = ["weekday", "year", "month", "day"], OF_TIME = ["hour", "minute", "second", "fractionalSecondDigits"];
  const PLAIN_DATE = { year: "numeric", month: "numeric", day: "numeric" };
  const PLAIN_TIME = { hour: "numeric", minute: "2-digit", second: "2-digit" };

  // What is shown: what was asked for, or `instead` when nothing of `wanted` was.
  function resolved(locales, options, wanted, instead) {
    english(locales);
    const given = chosen(options, OF_DATES);
    const { timeZone = "UTC", dateStyle, timeStyle } = given;
    if (zoneOffset(`${timeZone}`, 0) === undefined) refuse(`there is no time zone "${timeZone}"`);
    const asked = (parts) => parts.some((part) => given[part] !== undefined);
    const styled = dateStyle !== undefined || timeStyle !== undefined;
    if (styled && asked([...OF_DATE, ...OF_TIME])) refuse("a style stands for its parts: leave these out");
    const shown = styled ? { ...DATE[dateStyle], ...TIME[timeStyle] } : asked(wanted) ? {} : instead;
    return { ...shown, ...given, timeZone: `${timeZone}` };
  }

  // The parts of a moment, in the order in which they are written.
  function written(options, time) {
    const { timeZone, weekday, year, month, day, hour, minute, second, fractionalSecondDigits: digits } = options;
    const at = new Date(time + zoneOffset(timeZone, time) * 60_000);
    const parts = [];
    const add = (type, value) => parts.push({ type, value });
    const between = (value) => { if (parts.length > 0) add("literal", value); };
    const number = (how, value) => (how === "2-digit" ? two(value % 100) : `${value}`);

    const byName = NAMES.includes(month);
    if (weekday) add("weekday", named(DAYS[at.getUTCDay()], weekday));
    if (!month && day && weekday && !year) parts.unshift({ type: "day", value: number(day, at.getUTCDate()) }, { type: "literal", value: " " });
    if (month) {
      between(", ");
      add("month", byName ? named(MONTHS[at.getUTCMonth()], month) : number(month, at.getUTCMonth() + 1));
    }
    if (day && (month || !weekday || year)) {
      between(month ? (byName ? " " : "/") : ", ");
      add("day", number(day, at.getUTCDate()));
    }
    if (year) {
      between(byName ? (day ? ", " : " ") : month || day ? "/" : " ");
      add("year", number(year, at.getUTCFullYear()));
    }

    const twelve = options.hour12 ?? !["h23", "h24"].includes(options.hourCycle);
    if (hour || minute || second || digits) {
      const apart = ["full", "long"].includes(options.dateStyle) || (month === "long" && !options.dateStyle);
      between(apart ? " at " : ", ");
    }
    const hours = at.getUTCHours();
    if (hour) add("hour", number(twelve ? hour : "2-digit", twelve ? hours % 12 || 12 : hours));
    if (minute) {
      if (hour) add("literal", ":");
      add("minute", hour || second ? two(at.getUTCMinutes()) : number(minute, at.getUTCMinutes()));
    }
    if (second) {
      if (hour || minute) add("literal", ":");
      add("second", hour || minute ? two(at.getUTCSeconds()) : number(second, at.getUTCSeconds()));
    }
    if (digits) {
      if (second) add("literal", ".");
      add("fractionalSecond", `${at.getUTCMilliseconds()}`.padStart(3, "0").slice(0, digits));
    }
    if (hour && twelve) {
      add("literal", " ");
      add("dayPeriod", hours < 12 ? "AM" : "PM");
    }
    if (options.timeZoneName) {
      between(hour || minute || second ? " " : ", ");
      add("timeZoneName", zoneName(timeZone, time));
    }
    return parts;
  }

  class DateTimeFormat {
    #options;
    constructor(locales, options, wanted = [...OF_DATE, ...OF_TIME], instead = PLAIN_DATE) {
      this.#options = resolved(locales, options, wanted, instead);
    }
    get format() { return (date) => this.formatToParts(date).map((part) => part.value).join(""); }
    formatToParts(date) {
      const time = date === undefined ? Date.now() : +date;
      return time === time ? written(this.#options, time) : refuse("it is no date");
    }
    resolvedOptions() { return { locale: "en-US", calendar: "gregory", numberingSystem: "latn", ...this.#options }; }
    static supportedLocalesOf() { return ["en-US"]; }
  }

  const OF_NUMBERS = {
    style: ["decimal", "percent", "currency", "unit"], currency: null, unit: null, unitDisplay: ["long", "short"],
    currencyDisplay: ["symbol", "code"], minimumFractionDigits: null, maximumFractionDigits: null,
    minimumIntegerDigits: null, useGrouping: [true, false, "auto", "always"], numberingSystem: ["latn"],
    notation: ["standard"], signDisplay: ["auto", "never"], localeMatcher: null,
    roundingMode: ["halfExpand", "trunc", "floor"],
    // What luxon passes on of its own.
    floor: null, padTo: null, listStyle: null, showZeros: null, signMode: null,
  };
  const SIGNS = { USD: "$", EUR: "€", GBP: "£", JPY: "¥", INR: "₹", CNY: "CN¥", KRW: "₩", BRL: "R$", CAD: "CA$", AUD: "A$", MXN: "MX$" };
  const WITHOUT_CENTS = ["JPY", "KRW", "VND", "CLP", "ISK"];
  function digitsOf(name, value, standard) {
    if (value === undefined) return standard;
    return Number.isInteger(value) && value >= 0 && value <= 20 ? value : refuse(`${name} is 0 to 20, not ${value}`);
  }

  class NumberFormat {
    #options;
    constructor(locales, options) {
      english(locales);
      const given = chosen(options, OF_NUMBERS);
      const { style = "decimal", currency } = given;
      if (style === "currency" && !/^[a-z]{3}$/i.test(`${currency}`)) refuse(`"${currency}" is no currency`);
      const cents = WITHOUT_CENTS.includes(`${currency}`.toUpperCase()) ? 0 : 2;
      const [usual, most] = { currency: [cents, cents], percent: [0, 0] }[style] ?? [0, 3];
      const { minimumFractionDigits: from, maximumFractionDigits: to } = given;
      const least = digitsOf("minimumFractionDigits", from, to === undefined ? usual : Math.min(usual, to));
      const greatest = digitsOf("maximumFractionDigits", to, Math.max(most, least));
      if (least > greatest) refuse("minimumFractionDigits is above maximumFractionDigits");
      const whole = digitsOf("minimumIntegerDigits", given.minimumIntegerDigits, 1);
      this.#options = { ...given, style, minimumFractionDigits: least, maximumFractionDigits: greatest, minimumIntegerDigits: whole };
    }
    get format() { return (value) => this.#text(typeof value === "bigint" ? value : +value); }
    resolvedOptions() { return { locale: "en-US", numberingSystem: "latn", ...this.#options }; }
    static supportedLocalesOf() { return ["en-US"]; }
    #text(value) {
      const { style, currency, currencyDisplay, unit, unitDisplay = "short", useGrouping = true, roundingMode, signDisplay } = this.#options;
      const { minimumFractionDigits: least, maximumFractionDigits: most, minimumIntegerDigits: whole } = this.#options;
      if (value !== value) return "NaN";
      const negative = value < 0 && signDisplay !== "never";
      const absolute = value < 0 ? -value : value;
      const size = style === "percent" ? shifted(Number(absolute), 2) : absolute;
      let [digits, rest = ""] = decimal(size, most, roundingMode === "floor" && negative ? "ceil" : roundingMode).split(".");
      while (rest.length > least && rest.endsWith("0")) rest = rest.slice(0, -1);
      digits = digits.padStart(whole, "0");
      if (useGrouping !== false) digits = digits.replace(/\B(?=(\d{3})+$)/g, ",");
      const text = rest ? `${digits}.${rest}` : digits;
      const sign = negative ? "-" : "";
      switch (style) {
        case "percent": return `${sign}${text}%`;
        case "currency": {
          const code = `${currency}`.toUpperCase();
          const shown = currencyDisplay === "code" ? undefined : SIGNS[code];
          return shown ? `${sign}${shown}${text}` : `${sign}${code}\u00a0${text}`;
        }
        case "unit": {
          if (unitDisplay !== "long") refuse("units are available with unitDisplay long only");
          return `${sign}${text} ${unit}${text === "1" ? "" : "s"}`;
        }
        default: return `${sign}${text}`;
      }
    }
  }
  // A number that is not negative, with so many digits behind the point.
  function decimal(size, most, rounding) {
    if (typeof size === "bigint") return `${size}`;
    if (size === Infinity) return "∞";
    if (size >= 1e21) return `${BigInt(size)}`;
    if (rounding === undefined || rounding === "halfExpand") return shortest(size, most);
    const scaled = size * 10 ** most;
    return ((rounding === "ceil" ? Math.ceil(scaled) : Math.trunc(scaled)) / 10 ** most).toFixed(most);
  }
  // Rounded as people read it: 1.005 is written so, and becomes 1.01.
  function shortest(size, most) {
    const moved = Math.round(shifted(size, most));
    return Number.isSafeInteger(moved) ? (moved / 10 ** most).toFixed(most) : size.toFixed(most);
  }

  // The number with its point moved, which multiplication would miss.
  function shifted(size, places) {
    const [digits, exponent = "0"] = `${size}`.split("e");
    return +`${digits}e${+exponent + places}`;
  }

  class ListFormat {
    #options;
    constructor(locales, options) {
      english(locales);
      const known = { type: ["conjunction", "disjunction", "unit"], style: NAMES, localeMatcher: null };
      this.#options = { type: "conjunction", style: "long", ...chosen(options, known) };
    }
    format(list) {
      const all = [...list], { type, style } = this.#options;
      const word = type === "disjunction" ? "or " : type === "unit" || style === "narrow" ? "" : style === "short" ? "& " : "and ";
      if (all.length < 2) return all.join("");
      const last = all.pop();
      return all.length === 1 ? `${all[0]}${word ? " " : ", "}${word}${last}` : `${all.join(", ")}, ${word}${last}`;
    }
    static supportedLocalesOf() { return ["en-US"]; }
  }

  const whole = [...OF_DATE, ...OF_TIME];
  const DATES = {
    toLocaleString: [whole, { ...PLAIN_DATE, ...PLAIN_TIME }],
    toLocaleDateString: [OF_DATE, PLAIN_DATE],
    toLocaleTimeString: [OF_TIME, PLAIN_TIME],
  };
  return {
    Intl: { DateTimeFormat, NumberFormat, ListFormat },
    date: (method, date, locales, options) => new DateTimeFormat(locales, options, ...DATES[method]).format(date),
    number: (number, locales, options) => new NumberFormat(locales, options).format(number),
  };
})
