-- POST of the body in the file OOF_BODY to OOF_PATH, with the headers of the
-- file OOF_HEADERS ("Name: value" a line)

local text

function init(args)
    for line in io.lines(os.getenv("OOF_HEADERS")) do
        local name, value = line:match("^([^:]+): (.*)$")
        wrk.headers[name] = value
    end

    local f = io.open(os.getenv("OOF_BODY"))
    local body = f:read("*a")
    f:close()

    wrk.headers["Content-Type"] = "application/json"
    text = wrk.format("POST", os.getenv("OOF_PATH"), nil, body)
end

function request()
    return text
end

function done(summary, latency, r)
    local e = summary.errors
    io.write(string.format("result %d %d %d %.3f\n", summary.requests,
             e.status, e.connect + e.read + e.write + e.timeout,
             summary.duration / 1e6))
end
