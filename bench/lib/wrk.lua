-- Arguments: METHOD BODY_BYTES MEAN_PAUSE_MS PATHS ("one", or "many" for another one in each request). Prints one line of JSON, so that nobody has to read wrk's own summary.

function init(args)
  wrk.method = args[1]
  local bytes = tonumber(args[2])
  if bytes > 0 then
    wrk.body = string.rep("x", bytes)
    wrk.headers["Content-Type"] = "application/octet-stream"
  end
  if args[4] == "many" then
    math.randomseed(os.time())
    local run, count = math.random(1, 1000000000), 0
    function request()
      count = count + 1
      return wrk.format(nil, "/items/" .. run .. "-" .. count)
    end
  end
  local pause = tonumber(args[3])
  if pause > 0 then
    -- Defined only where asked for: without it wrk sends from one fixed buffer and never calls Lua. Exponential pauses
    -- make the arrivals of many connections a Poisson process; the added uniform part undoes the rounding to whole ms.
    function delay()
      return math.floor(-math.log(1 - math.random()) * pause + math.random())
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"micros":%d,"bytes":%d,"p50":%d,"p99":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
