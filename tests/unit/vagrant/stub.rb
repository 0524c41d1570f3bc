# frozen_string_literal: true

# Just enough of Vagrant's language to load a Vagrantfile and print what it asks for, as JSON. Takes the file's path.

require "json"

class Recorder
  attr_reader :asked

  def initialize
    @asked = {}
  end

  def method_missing(name, *values)
    return @asked[name.to_s.chomp("=")] = values.first if name.end_with?("=")

    raise NoMethodError, "the stub of Vagrant has no '#{name}'"
  end

  def respond_to_missing?(_name, _private = false)
    true
  end
end

class Machine < Recorder
  attr_reader :networks, :providers, :machines

  def initialize
    super
    @networks = []
    @providers = {}
    @machines = {}
  end

  def synced_folder(*) = nil

  def network(kind, **options)
    @networks << {kind: kind, **options}
  end

  def provider(name)
    settings = Recorder.new
    override = Config.new
    yield settings, override
    @providers[name] = {settings: settings.asked, networks: override.vm.networks, triggers: override.trigger.names}
  end

  def define(name)
    machine = Config.new
    yield machine
    @machines[name] = {settings: machine.vm.asked, providers: machine.vm.providers}
  end
end

class Trigger < Recorder
  attr_reader :names

  def initialize
    super
    @names = []
  end

  def before(*)
    trigger = Recorder.new
    def trigger.ruby = nil
    yield trigger
    @names << trigger.asked["name"]
  end
end

class Config
  attr_reader :vm, :trigger

  def initialize
    @vm = Machine.new
    @trigger = Trigger.new
  end
end

module Vagrant
  def self.configure(_version)
    config = Config.new
    yield config
    puts JSON.generate(box: config.vm.asked["box"], machines: config.vm.machines)
  end
end

load ARGV.fetch(0)
