# Sidekiq: two processes of four threads each, for run_jobs.py. Without arguments it is the producer, which starts them.
require "sidekiq"

connection = { url: "rediss://#{ENV.fetch('PORTAL_HOST')}:#{ENV.fetch('PORTAL_PORT')}/0", password: ENV.fetch("REDIS_PASSWORD"),
               ssl_params: { ca_file: ENV.fetch("CA_FILE") } }
Sidekiq.configure_server { |config| config.redis = connection }
Sidekiq.configure_client { |config| config.redis = connection }

# One line in one write, so that lines of processes do not mix.
def note(file, text)
  File.open(ENV.fetch(file), File::WRONLY | File::APPEND) { |out| out.syswrite("#{text}\n") }
end

class NumberedJob
  include Sidekiq::Worker

  def perform(number)
    note("JOBS_DONE", "#{number} #{Process.pid}")
  end
end

if Sidekiq.server?
  producer = Process.ppid
  Thread.new do
    sleep 1 while Process.ppid == producer
    exit!(1)
  end
end

if $PROGRAM_NAME == __FILE__
  $stdout.sync = true
  2.times { spawn("sidekiq", "-r", "./sidekiq_jobs.rb", "-c", "4", in: File::NULL, out: :err) }
  puts "version #{Sidekiq::VERSION}"
  stop = false
  Thread.new do
    $stdin.gets
    stop = true
  end
  number = 0
  until stop
    number += 1
    begin
      NumberedJob.perform_async(number)
      note("JOBS_ACCEPTED", number)
    rescue StandardError => e
      puts "refused #{e.class} #{e.message[0, 60]}"
    end
    sleep 0.01
  end
  puts "stopped"
  sleep
end
