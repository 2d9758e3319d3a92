-- GET of consents whose paths are lines of the file OOF_PATHS, with the
-- headers of the file OOF_HEADERS ("Name: value" a line)

local paths = {}
local n = 0
local requests = {}

function init(args)
    for line in io.lines(os.getenv("OOF_HEADERS")) do
        local name, value = line:match("^([^:]+): (.*)$")
        wrk.headers[name] = value
    end

    for line in io.lines(os.getenv("OOF_PATHS")) do
        requests[#requests + 1] = wrk.format("GET", line)
    end
end

function request()
    n = n % #requests + 1
    return requests[n]
end

function done(summary, latency, r)
    local e = summary.errors
    io.write(string.format("result %d %d %d %.3f\n", summary.requests,
             e.status, e.connect + e.read + e.write + e.timeout,
             summary.duration / 1e6))
end
