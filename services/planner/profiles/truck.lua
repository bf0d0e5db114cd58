-- A three-axle collection truck: the stock car profile (BSD-2, in osrm-bindings) with a truck's size and rights.
-- Sizes are the legal limits of a rigid truck in Europe: Council Directive 96/53/EC, annex I (2.55 m wide, 4.0 m high,
-- 12 m long, 26 t with three axles); a real collection truck is shorter. They decide where it may drive, not how fast.
api_version = 4
local car = require('car')

local function setup()
  local profile = car.setup()
  profile.vehicle_height, profile.vehicle_width, profile.vehicle_length, profile.vehicle_weight = 3.6, 2.55, 10.0, 26000
  profile.access_tags_hierarchy = Sequence { 'hgv', 'goods', 'motorcar', 'motor_vehicle', 'vehicle', 'access' }
  profile.restrictions = Sequence { 'hgv', 'motorcar', 'motor_vehicle', 'vehicle' }
  profile.vehicle_max_speed = 80 -- km/h
  return profile
end

return { setup = setup, process_way = car.process_way, process_node = car.process_node, process_turn = car.process_turn }
