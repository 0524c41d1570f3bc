// Times in the zone of whoever looks at them, written as the server writes them: "3 Nov 2026, 07:05 UTC".

const format = new Intl.DateTimeFormat(document.documentElement.lang, {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});

// at: as in an element's datetime, with its zone
export function moment(at) {
  const parts = format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]);
  const { day, month, year, hour, minute, timeZoneName } = Object.fromEntries(parts);
  return `${day} ${month} ${year}, ${hour}:${minute} ${timeZoneName}`;
}

for (const time of document.querySelectorAll("time[datetime]")) time.textContent = moment(time.dateTime);
